#include "text/tokenizer/tokenizer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "text/tokenizer/files/sentencepiece_model.h"
#include "text/tokenizer/files/tiktoken_file.h"
#include "text/tokenizer/files/tokenizer_files.h"
#include "text/tokenizer/model/bpe_model.h"
#include "text/tokenizer/model/direct_encoder.h"
#include "text/tokenizer/model/encoding_writer.h"
#include "text/tokenizer/pre/added_tokens.h"
#include "text/tokenizer/pre/decoder.h"
#include "text/tokenizer/pre/fingerprint.h"
#include "text/tokenizer/pre/normalizer.h"
#include "text/tokenizer/pre/post_processor.h"
#include "text/tokenizer/pre/pre_tokenizer.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30;
constexpr size_t kMaxFileBytes = size_t{512} << 20;
constexpr size_t kMaxModelBytes = size_t{64} << 20;  // the largest in use have 5 MB

// Workspaces whose word caches are warm; each encode() borrows one.
class WorkspacePool {
 public:
  class Loan {
   public:
    explicit Loan(WorkspacePool& pool) : pool_(pool), workspace_(pool.take()) {}
    ~Loan() { pool_.give_back(std::move(workspace_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    BpeModel::Workspace& operator*() { return *workspace_; }

   private:
    WorkspacePool& pool_;
    std::unique_ptr<BpeModel::Workspace> workspace_;
  };

 private:
  std::unique_ptr<BpeModel::Workspace> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<BpeModel::Workspace>();
    auto workspace = std::move(idle_.back());
    idle_.pop_back();
    return workspace;
  }
  void give_back(std::unique_ptr<BpeModel::Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(workspace));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<BpeModel::Workspace>> idle_;
};

template <typename Component>
std::unique_ptr<Component> read_component(const JsonFields& fields, const std::string& key) {
  return fields.has(key) ? Component::from_json(fields.object(key)) : nullptr;
}

template <typename Component>
std::string component_fingerprint(const std::unique_ptr<Component>& component) {
  return sized(component ? component->fingerprint() : "");
}

}  // namespace

struct Tokenizer::Impl {
  // With `ranked`, the model is made of these tokens instead of the member "model".
  explicit Impl(const JsonFields& fields, const RankedTokens* ranked = nullptr)
      : normalizer(read_component<Normalizer>(fields, "normalizer")),
        pre_tokenizer(read_component<PreTokenizer>(fields, "pre_tokenizer")),
        post_processor(read_component<PostProcessor>(fields, "post_processor")),
        decoder(read_component<Decoder>(fields, "decoder")),
        model(ranked != nullptr ? BpeModel(*ranked)
                                : BpeModel(fields.object("model"),
                                           pre_tokenizer && pre_tokenizer->ends_in_byte_level())),
        added(AddedTokens::from_json(
            fields, [&](const std::string& token) { return model.find(token); }, model.size(),
            normalizer.get())),
        direct(DirectEncoder::make(normalizer.get(), pre_tokenizer.get(), model, added)),
        end_id(model.end_id()),
        hash(hash_text(component_fingerprint(normalizer) + component_fingerprint(pre_tokenizer) +
                       component_fingerprint(post_processor) + sized(model.fingerprint()) +
                       sized(added.fingerprint()))) {
    for (const AddedToken& token : added.all()) end_id = std::max(end_id, token.id + 1);
    check_special_ids(fields.place());
  }

  // What the post-processor adds must be tokens.
  void check_special_ids(const std::string& place) const {
    if (post_processor == nullptr) return;
    Encoding special;
    post_processor->process(special, true, [](int32_t) { return EdgeSpaces(); });
    for (int32_t id : special.ids) {
      if (added.by_id(id) == nullptr && model.token(id) == nullptr) {
        throw UserError("{}: the post-processor adds id {}, which no token has", place, id);
      }
    }
  }

  void encode(std::string_view text, BpeModel::Workspace& workspace, EncodingWriter& out) const;
  // The long way for a text between added tokens: normalise, cut, look up.
  void encode_rewritten(std::string_view part, size_t origin, BpeModel::Workspace& workspace,
                        EncodingWriter& out) const;
  std::string spelling(int32_t id) const;  // empty for an id that is not used
  Encoding encode_and_process(std::string_view text, bool add_special_tokens,
                              BpeModel::Workspace& workspace) const;

  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  BpeModel model;
  AddedTokens added;
  std::optional<DirectEncoder> direct;
  int32_t end_id;
  Hash128 hash;
  mutable WorkspacePool workspaces;
};

void Tokenizer::Impl::encode(std::string_view text, BpeModel::Workspace& workspace,
                             EncodingWriter& out) const {
  for (const AddedTokens::Part& part : added.find(text, false)) {
    const std::string_view part_text = text.substr(part.begin, part.end - part.begin);
    if (part.id >= 0) {
      out.add_found(part.id, {static_cast<uint32_t>(part.begin), static_cast<uint32_t>(part.end)},
                    part_text);
    } else if (direct && direct->takes(part_text)) {
      direct->encode(part_text, part.begin, workspace, out);
    } else {
      encode_rewritten(part_text, part.begin, workspace, out);
    }
  }
}

void Tokenizer::Impl::encode_rewritten(std::string_view part, size_t origin,
                                       BpeModel::Workspace& workspace, EncodingWriter& out) const {
  out.forget_found_texts();
  AlignedText text(part, static_cast<uint32_t>(origin));
  if (normalizer != nullptr) normalizer->normalize(text);
  if (text.empty()) return;
  SplitText words;
  for (const AddedTokens::Part& found : added.find(text.text(), true)) {
    words.pieces.push_back(
        {0, static_cast<uint32_t>(found.begin), static_cast<uint32_t>(found.end), found.id});
  }
  words.chunks.push_back(std::move(text));
  if (pre_tokenizer != nullptr && model.takes_plain_bytes()) {
    pre_tokenizer->split_bytes(words);
  } else if (pre_tokenizer != nullptr) {
    pre_tokenizer->split(words);
  }
  std::vector<WordToken> tokens;
  for (const SplitText::Piece& piece : words.pieces) {
    if (piece.added_token >= 0) {
      out.add_found(piece.added_token,
                    words.chunks[piece.chunk].original_range(piece.begin, piece.end),
                    words.text(piece));
      continue;
    }
    tokens.clear();
    model.encode(words.text(piece), workspace, tokens);
    uint32_t begin = piece.begin;
    for (const WordToken& token : tokens) {
      const uint32_t end = begin + token.num_bytes;
      out.add(token.id, words.chunks[piece.chunk].original_range(begin, end));
      begin = end;
    }
  }
}

std::string Tokenizer::Impl::spelling(int32_t id) const {
  if (const AddedToken* token = added.by_id(id)) return token->content;
  const std::string* token = model.token(id);
  return token == nullptr ? std::string() : *token;
}

Encoding Tokenizer::Impl::encode_and_process(std::string_view text, bool add_special_tokens,
                                             BpeModel::Workspace& workspace) const {
  Encoding encoding;
  if (post_processor == nullptr) {
    EncodingWriter out(text, encoding, nullptr);
    encode(text, workspace, out);
    return encoding;
  }
  // A token found in the text and the model's own of the same id are spelled differently.
  std::vector<FoundToken> found;
  const auto found_at = [&](int32_t id) -> const FoundToken& {
    return found[static_cast<size_t>(-(id + 1))];
  };
  EncodingWriter out(text, encoding, &found);
  encode(text, workspace, out);
  post_processor->process(encoding, add_special_tokens, [&](int32_t id) {
    return id < 0 ? found_at(id).spaces : edge_spaces(spelling(id));
  });
  if (found.empty()) return encoding;
  for (int32_t& id : encoding.ids) {
    if (id < 0) id = found_at(id).id;
  }
  return encoding;
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(path)) {
    const auto found = find_tokenizer_file(path);
    if (!found) {
      throw UserError("{}: there is no tokenizer.json, tokenizer.model or .tiktoken file",
                      path.native());
    }
    file = *found;
  }
  const bool is_json = file.extension() != ".model" && file.extension() != ".tiktoken";
  const std::string content = read_file(file, is_json ? kMaxFileBytes : kMaxModelBytes);
  if (is_json) return from_json(content, file.string());
  return from_model(content, file.filename().string(), tokenizer_config_beside(file),
                    file.string());
}

Tokenizer Tokenizer::from_model(std::string_view content, const std::string& name,
                                const Json& config, const std::string& place) {
  if (name.ends_with(".tiktoken") || is_tiktoken_file(content)) {
    const TiktokenTokenizer read = read_tiktoken_file(content, name, config, place);
    return Tokenizer(std::make_unique<Impl>(JsonFields(read.components, place), &read.tokens));
  }
  const Json json = tokenizer_json_of_sentencepiece(content, config, place);
  return Tokenizer(std::make_unique<Impl>(JsonFields(json, place)));
}

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& place) {
  return Tokenizer(std::make_unique<Impl>(JsonFields(parse_json(json, place), place)));
}

Encoding Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  if (text.size() > kMaxTextBytes) {
    throw UserError("a text of {} bytes is too long to be encoded at once (at most {})",
                    text.size(), kMaxTextBytes);
  }
  std::string repaired;
  std::string_view valid = text;
  if (!is_valid_utf8(text)) valid = repaired = replace_invalid_utf8(text);
  WorkspacePool::Loan workspace(impl_->workspaces);
  return impl_->encode_and_process(valid, add_special_tokens, *workspace);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (int32_t id : ids) {
    if (const AddedToken* token = impl_->added.by_id(id)) {
      // The pattern is what the decoder can undo.
      if (!(skip_special_tokens && token->special)) tokens.push_back(token->pattern);
    } else if (const std::string* spelling = impl_->model.token(id)) {
      tokens.push_back(*spelling);
    }
  }
  if (impl_->decoder == nullptr) return fmt::format("{}", fmt::join(tokens, " "));
  std::string text;
  for (const std::string& part : impl_->decoder->decode(std::move(tokens))) text += part;
  return text;
}

int64_t Tokenizer::vocab_size() const {
  return impl_->end_id;
}

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  const std::string text(token);
  if (const AddedToken* added = impl_->added.by_content(text)) return added->id;
  return impl_->model.find(text);
}

std::string Tokenizer::id_to_token(int32_t id) const {
  return impl_->spelling(id);
}

bool Tokenizer::is_special(int32_t id) const {
  const AddedToken* token = impl_->added.by_id(id);
  return token != nullptr && token->special;
}

std::vector<std::string> Tokenizer::special_tokens() const {
  std::vector<std::string> texts;
  for (const AddedToken& token : impl_->added.all()) {
    if (token.special) texts.push_back(token.content);
  }
  return texts;
}

const Hash128& Tokenizer::hash() const {
  return impl_->hash;
}

}  // namespace temper

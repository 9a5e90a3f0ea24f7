#include "text/tokenizer/model/direct_encoder.h"

#include <utility>

#include "common/error.h"
#include "io/json.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr std::string_view kMark = "\u2581";

bool is_mark_at(std::string_view text, size_t position) {
  return position < text.size() &&
         (text[position] == ' ' || text.substr(position).starts_with(kMark));
}

size_t mark_length(char lead) {
  return lead == ' ' ? 1 : kMark.size();
}

// Equal fingerprints mean that two components do the same.
template <typename Component>
bool does_the_same(const Component& component, const std::string& json) {
  const Json parsed = parse_json(json, "a known component");
  return component.fingerprint() ==
         Component::from_json(JsonFields(parsed, "a known component"))->fingerprint();
}

}  // namespace

std::optional<DirectEncoder> DirectEncoder::make(const Normalizer* normalizer,
                                                 const PreTokenizer* pre_tokenizer,
                                                 const BpeModel& model, const AddedTokens& added) {
  DirectEncoder encoder(model, added);
  if (pre_tokenizer != nullptr && model.takes_plain_bytes()) {
    encoder.word_end_ = pre_tokenizer->word_end();
    encoder.normalizer_ = normalizer;
    if (encoder.word_end_ == nullptr) return std::nullopt;
    return encoder;
  }
  if (!model.find(kMark)) return std::nullopt;
  if (pre_tokenizer != nullptr) {
    if (normalizer != nullptr || !encoder.read_metaspace(*pre_tokenizer)) return std::nullopt;
  } else {
    const auto prefix = marking_normalizer(normalizer);
    if (!prefix) return std::nullopt;
    encoder.prefix_ = *prefix;
  }
  if (!encoder.each_mark_ && !model.splits_at_marks()) return std::nullopt;
  if (!encoder.collect_patterns()) return std::nullopt;
  return encoder;
}

std::optional<DirectEncoder::Prefix> DirectEncoder::marking_normalizer(
    const Normalizer* normalizer) {
  if (normalizer == nullptr) return std::nullopt;
  const std::string replace = R"({"type":"Replace","pattern":{"String":" "},"content":"\u2581"})";
  const std::string prepend = R"({"type":"Prepend","prepend":"\u2581"})";
  const auto sequence = [](const std::string& steps) {
    return R"({"type":"Sequence","normalizers":[)" + steps + "]}";
  };
  if (does_the_same(*normalizer, sequence(prepend + "," + replace)) ||
      does_the_same(*normalizer, sequence(replace + "," + prepend))) {
    return Prefix::kAlways;
  }
  if (does_the_same(*normalizer, sequence(replace))) return Prefix::kNone;
  return std::nullopt;
}

bool DirectEncoder::read_metaspace(const PreTokenizer& pre_tokenizer) {
  const std::pair<const char*, Prefix> schemes[] = {{"always", Prefix::kUnlessMarked},
                                                    {"first", Prefix::kFirstUnlessMarked},
                                                    {"never", Prefix::kNone}};
  for (const auto& [scheme, prefix] : schemes) {
    for (const bool split : {false, true}) {
      const std::string json =
          fmt::format(R"({{"type":"Metaspace","prepend_scheme":"{}","split":{}}})", scheme, split);
      if (!does_the_same(pre_tokenizer, json)) continue;
      prefix_ = prefix;
      each_mark_ = split;
      return true;
    }
  }
  return false;
}

bool DirectEncoder::collect_patterns() {
  for (const AddedToken& token : added_->all()) {
    if (!token.normalized) continue;
    std::string_view core = token.pattern;
    while (core.starts_with(kMark)) core.remove_prefix(kMark.size());
    if (core.empty() || core.find(kMark) != core.npos || core.find(' ') != core.npos) return false;
    patterns_.add(core, token.id);
  }
  return true;
}

bool DirectEncoder::takes(std::string_view part) const {
  if (word_end_ != nullptr) return normalizer_ == nullptr || normalizer_->leaves_alone(part);
  return patterns_.empty() || !patterns_.find(part, 0);
}

void DirectEncoder::encode(std::string_view part, size_t origin, BpeModel::Workspace& workspace,
                           EncodingWriter& out) const {
  if (word_end_ == nullptr) return encode_marked(part, origin, workspace, out);
  for (const AddedTokens::Part& found : added_->find(part, true)) {
    const size_t begin = origin + found.begin;
    if (found.id >= 0) {
      out.add_found(found.id,
                    {static_cast<uint32_t>(begin), static_cast<uint32_t>(origin + found.end)},
                    part.substr(found.begin, found.end - found.begin));
    } else {
      encode_words(part.substr(found.begin, found.end - found.begin), begin, workspace, out);
    }
  }
}

void DirectEncoder::encode_words(std::string_view part, size_t origin,
                                 BpeModel::Workspace& workspace, EncodingWriter& out) const {
  const char* const text_end = part.data() + part.size();
  auto position = static_cast<uint32_t>(origin);
  for (size_t begin = 0; begin < part.size();) {
    const size_t end = word_end_(part, begin);
    for (const WordToken& token :
         model_->encode_word(part.substr(begin, end - begin), text_end, false, workspace)) {
      out.add(token.id, {position, position + token.num_bytes});
      position += token.num_bytes;
    }
    begin = end;
  }
}

bool DirectEncoder::needs_prefix(std::string_view part, size_t origin) const {
  switch (prefix_) {
    case Prefix::kNone:
      return false;
    case Prefix::kAlways:
      return true;
    case Prefix::kUnlessMarked:
      return !is_mark_at(part, 0);
    case Prefix::kFirstUnlessMarked:
      return origin == 0 && !is_mark_at(part, 0);
  }
  return false;
}

size_t DirectEncoder::marked_word_end(std::string_view part, size_t begin) const {
  size_t end = begin;
  if (each_mark_) {
    if (is_mark_at(part, end)) end += mark_length(part[end]);
  } else {
    while (is_mark_at(part, end)) end += mark_length(part[end]);
  }
  while (end < part.size() && !is_mark_at(part, end)) ++end;
  return end;
}

void DirectEncoder::encode_marked(std::string_view part, size_t origin,
                                  BpeModel::Workspace& workspace, EncodingWriter& out) const {
  if (part.empty()) return;
  const char* const text_end = part.data() + part.size();
  auto position = static_cast<uint32_t>(origin);
  size_t begin = 0;
  if (needs_prefix(part, origin)) {
    // The first word, behind a space that is not in the text. A row of marks goes on.
    const size_t end = each_mark_ && is_mark_at(part, 0) ? 0 : marked_word_end(part, 0);
    const std::string word = " " + std::string(part.substr(0, end));
    bool is_first = true;
    for (const WordToken& token :
         model_->encode_word(word, word.data() + word.size(), true, workspace)) {
      const uint32_t num_bytes = token.num_bytes - is_first;
      // A token of that space alone stands for the first character, as Prepend has it.
      const auto shown = num_bytes > 0 ? num_bytes : static_cast<uint32_t>(utf8_length(part[0]));
      out.add(token.id, {position, position + shown});
      position += num_bytes;
      is_first = false;
    }
    begin = end;
  }
  while (begin < part.size()) {
    const size_t end = marked_word_end(part, begin);
    position = static_cast<uint32_t>(origin + begin);
    for (const WordToken& token :
         model_->encode_word(part.substr(begin, end - begin), text_end, true, workspace)) {
      out.add(token.id, {position, position + token.num_bytes});
      position += token.num_bytes;
    }
    begin = end;
  }
}

}  // namespace temper

#include "text/tokenizer/pre/post_processor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "text/tokenizer/pre/byte_alphabet.h"
#include "text/tokenizer/pre/json_lists.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr size_t kMaxSpecialTokens = 1024;

Encoding special_part(std::vector<int32_t> ids) {
  Encoding part;
  part.offsets.assign(ids.size(), {0, 0});
  part.ids = std::move(ids);
  return part;
}

// A row of parts and special tokens: one template for a single part, one for two of them.
class TemplateProcessing : public PostProcessor {
 public:
  explicit TemplateProcessing(const JsonFields& fields)
      : place_(fields.place()), single_(read_pieces(fields, "single")) {
    const auto texts = std::count_if(single_.begin(), single_.end(),
                                     [](const Piece& piece) { return piece.part == 0; });
    const bool has_other = std::any_of(single_.begin(), single_.end(),
                                       [](const Piece& piece) { return piece.part == 1; });
    if (texts != 1 || has_other) {
      throw UserError("{}: the template must have the sequence A once, and no other", place_);
    }
    if (fields.has("pair")) pair_ = read_pieces(fields, "pair");
  }

  void process_parts(std::vector<Encoding>& parts, bool add_special_tokens,
                     const TokenSpaces&) const override {
    if (!add_special_tokens) return;
    if (parts.size() > 2 || (parts.size() == 2 && pair_.empty())) {
      throw UserError("{}: the template cannot take the {} parts that those before it make", place_,
                      parts.size());
    }
    std::vector<Encoding> result;
    for (const Piece& piece : parts.size() == 1 ? single_ : pair_) {
      result.push_back(piece.part < 0 ? special_part(piece.ids)
                                      : parts[static_cast<size_t>(piece.part)]);
    }
    parts = std::move(result);
  }

 private:
  struct Piece {
    int part;  // 0 or 1; -1 for special tokens
    std::vector<int32_t> ids;
  };

  static std::vector<Piece> read_pieces(const JsonFields& fields, const std::string& key) {
    std::vector<Piece> pieces;
    for (const JsonFields& piece : json_objects(fields, key)) {
      if (pieces.size() >= kMaxSpecialTokens) {
        throw UserError("{}: the template has too many parts", piece.place());
      }
      if (!piece.has("Sequence")) {
        pieces.push_back({-1, read_ids(fields, piece.object("SpecialToken").text("id"))});
        continue;
      }
      const std::string id = piece.object("Sequence").text("id");
      if (id != "A" && id != "B") throw UserError("{}: the sequence must be A or B", piece.place());
      pieces.push_back({id == "A" ? 0 : 1, {}});
    }
    return pieces;
  }

  static std::vector<int32_t> read_ids(const JsonFields& fields, const std::string& name) {
    const JsonFields special = fields.object("special_tokens").object(name);
    std::vector<int32_t> ids;
    for (const Json& id : json_list(special, "ids")) {
      if (!id.is_number_integer() || id < 0 || id > INT32_MAX || ids.size() >= kMaxSpecialTokens) {
        throw UserError("{}: 'ids' must be a few token ids", special.place());
      }
      ids.push_back(id.get<int32_t>());
    }
    return ids;
  }

  std::string place_;
  std::vector<Piece> single_;
  std::vector<Piece> pair_;
};

// BERT puts [CLS] before the first part and [SEP] behind every one; RoBERTa [SEP] also before every
// part but the first.
class ClsSepProcessing : public PostProcessor {
 public:
  ClsSepProcessing(const JsonFields& fields, bool sep_before)
      : cls_(read_token(fields, "cls")), sep_(read_token(fields, "sep")), sep_before_(sep_before) {}

  void process_parts(std::vector<Encoding>& parts, bool add_special_tokens,
                     const TokenSpaces&) const override {
    if (!add_special_tokens) return;
    for (size_t i = 0; i < parts.size(); ++i) {
      Encoding& part = parts[i];
      if (i == 0 || sep_before_) {
        part.ids.insert(part.ids.begin(), i == 0 ? cls_ : sep_);
        part.offsets.insert(part.offsets.begin(), {0, 0});
      }
      part.ids.push_back(sep_);
      part.offsets.emplace_back(0, 0);
    }
  }

 private:
  // Written as ["</s>", 2].
  static int32_t read_token(const JsonFields& fields, const std::string& key) {
    const Json& pair = json_list(fields, key);
    if (pair.size() != 2 || !pair[1].is_number_integer() || pair[1] < 0 || pair[1] > INT32_MAX) {
      throw UserError("{}: '{}' must be a token and its id", fields.place(), key);
    }
    return pair[1].get<int32_t>();
  }

  int32_t cls_, sep_;
  bool sep_before_;
};

// Takes the white space at a token's ends out of its offsets.
class OffsetTrimming : public PostProcessor {
 public:
  OffsetTrimming(bool trims, bool add_prefix_space)
      : trims_(trims), add_prefix_space_(add_prefix_space) {}

  void process_parts(std::vector<Encoding>& parts, bool,
                     const TokenSpaces& token_spaces) const override {
    if (!trims_) return;
    for (Encoding& part : parts) {
      for (size_t i = 0; i < part.ids.size(); ++i) {
        trim(token_spaces(part.ids[i]), i == 0, part.offsets[i]);
      }
    }
  }

 private:
  void trim(EdgeSpaces spaces, bool is_first, std::pair<int32_t, int32_t>& offsets) const {
    const auto [leading, trailing] = spaces;
    if (leading > 0) {
      // A single space in front of the text may be the one that was added.
      const bool was_added = (is_first || offsets.first == 0) && add_prefix_space_ && leading == 1;
      if (!was_added) offsets.first = std::min(offsets.first + leading, offsets.second);
    }
    if (trailing > 0 && offsets.second >= trailing) {
      offsets.second = std::max(offsets.second - trailing, offsets.first);
    }
  }

  bool trims_, add_prefix_space_;
};

class PostProcessorSequence : public PostProcessor {
 public:
  explicit PostProcessorSequence(std::vector<std::unique_ptr<PostProcessor>> steps)
      : steps_(std::move(steps)) {}
  void process_parts(std::vector<Encoding>& parts, bool add_special_tokens,
                     const TokenSpaces& token_spaces) const override {
    for (const auto& step : steps_) step->process_parts(parts, add_special_tokens, token_spaces);
    if (parts.size() > kMaxSpecialTokens)
      throw UserError("the post-processor adds too many tokens");
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> steps_;
};

std::unique_ptr<PostProcessor> read_offset_trimming(const JsonFields& fields) {
  return std::make_unique<OffsetTrimming>(fields.boolean_or("trim_offsets", true),
                                          fields.boolean_or("add_prefix_space", true));
}

}  // namespace

EdgeSpaces edge_spaces(std::string_view text) {
  const auto is_space = [](char32_t c) { return is_white_space(c) || c == byte_to_character(' '); };
  EdgeSpaces spaces;
  for (size_t i = 0; i < text.size() && is_space(next_code_point(text, i));) ++spaces.leading;
  for (size_t i = text.size(); i > 0 && is_space(previous_code_point(text, i));) ++spaces.trailing;
  return spaces;
}

void PostProcessor::process(Encoding& encoding, bool add_special_tokens,
                            const TokenSpaces& token_spaces) const {
  std::vector<Encoding> parts(1);
  parts[0] = std::move(encoding);
  process_parts(parts, add_special_tokens, token_spaces);
  encoding = Encoding();
  if (parts.size() == 1) {
    encoding = std::move(parts[0]);
    return;
  }
  for (const Encoding& part : parts) {
    encoding.ids.insert(encoding.ids.end(), part.ids.begin(), part.ids.end());
    encoding.offsets.insert(encoding.offsets.end(), part.offsets.begin(), part.offsets.end());
  }
}

std::string PostProcessor::fingerprint() const {
  // What comes around a text, shown by one of a single token that no vocabulary has.
  Encoding encoding = special_part({-1});
  process(encoding, true, [](int32_t) { return EdgeSpaces(); });
  const auto text = std::find(encoding.ids.begin(), encoding.ids.end(), -1);
  if (encoding.ids.size() == 1 && text == encoding.ids.begin()) return "";
  if (text == encoding.ids.end()) return fmt::format("Fixed({})", fmt::join(encoding.ids, ","));
  return fmt::format("Template({};{})", fmt::join(encoding.ids.begin(), text, ","),
                     fmt::join(text + 1, encoding.ids.end(), ","));
}

std::unique_ptr<PostProcessor> PostProcessor::from_json(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "TemplateProcessing") return std::make_unique<TemplateProcessing>(fields);
  if (type == "BertProcessing") return std::make_unique<ClsSepProcessing>(fields, false);
  if (type == "ByteLevel") return read_offset_trimming(fields);
  std::vector<std::unique_ptr<PostProcessor>> steps;
  if (type == "RobertaProcessing") {
    steps.push_back(read_offset_trimming(fields));
    steps.push_back(std::make_unique<ClsSepProcessing>(fields, true));
    return std::make_unique<PostProcessorSequence>(std::move(steps));
  }
  if (type == "Sequence") {
    for (const JsonFields& step : json_objects(fields, "processors")) {
      steps.push_back(from_json(step));
    }
    return std::make_unique<PostProcessorSequence>(std::move(steps));
  }
  throw UserError(
      "{}: the post-processor '{}' is not supported (TemplateProcessing, RobertaProcessing, "
      "BertProcessing, ByteLevel and Sequence are)",
      fields.place(), type);
}

}  // namespace temper

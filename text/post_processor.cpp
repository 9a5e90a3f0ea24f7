#include "text/post_processor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "text/byte_alphabet.h"
#include "text/json_lists.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace temper {
namespace {

constexpr size_t kMaxSpecialTokens = 1024;

// The ids before and behind the text's own.
class TemplateProcessing : public PostProcessor {
 public:
  explicit TemplateProcessing(const JsonFields& fields) {
    bool behind = false;
    for (const JsonFields& piece : json_objects(fields, "single")) {
      if (piece.has("Sequence")) {
        if (behind || piece.object("Sequence").text("id") != "A") {
          throw UserError("{}: the template must have the sequence A once", piece.place());
        }
        behind = true;
      } else {
        add_ids(fields, piece.object("SpecialToken").text("id"), behind ? behind_ : before_);
      }
    }
    if (!behind) throw UserError("{}: the template lacks the sequence A", fields.place());
  }

  void process(Encoding& encoding, bool add_special_tokens, const TokenText&) const override {
    if (!add_special_tokens) return;
    encoding.ids.insert(encoding.ids.begin(), before_.begin(), before_.end());
    encoding.offsets.insert(encoding.offsets.begin(), before_.size(), {0, 0});
    encoding.ids.insert(encoding.ids.end(), behind_.begin(), behind_.end());
    encoding.offsets.resize(encoding.ids.size(), {0, 0});
  }

  std::string fingerprint() const override {
    return fmt::format("Template({};{})", fmt::join(before_, ","), fmt::join(behind_, ","));
  }

 private:
  static void add_ids(const JsonFields& fields, const std::string& name,
                      std::vector<int32_t>& ids) {
    const JsonFields special = fields.object("special_tokens").object(name);
    for (const Json& id : json_list(special, "ids")) {
      if (!id.is_number_integer() || id < 0 || id > INT32_MAX || ids.size() >= kMaxSpecialTokens) {
        throw UserError("{}: 'ids' must be a few token ids", special.place());
      }
      ids.push_back(id.get<int32_t>());
    }
  }

  std::vector<int32_t> before_, behind_;
};

// Takes the white space at a token's ends out of its offsets.
class OffsetTrimming : public PostProcessor {
 public:
  OffsetTrimming(bool trims, bool add_prefix_space)
      : trims_(trims), add_prefix_space_(add_prefix_space) {}

  void process(Encoding& encoding, bool, const TokenText& token_text) const override {
    for (size_t i = 0; trims_ && i < encoding.ids.size(); ++i) {
      trim(token_text(encoding.ids[i], encoding.offsets[i]), i == 0, encoding.offsets[i]);
    }
  }

  std::string fingerprint() const override { return ""; }  // ids stay as they are

 private:
  static bool is_space(char32_t c) { return is_white_space(c) || c == byte_to_character(' '); }

  void trim(const std::string& token, bool is_first, std::pair<int32_t, int32_t>& offsets) const {
    int32_t leading = 0, trailing = 0;
    for (size_t i = 0; i < token.size() && is_space(next_code_point(token, i));) ++leading;
    for (size_t i = token.size(); i > 0 && is_space(previous_code_point(token, i));) ++trailing;
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
  void process(Encoding& encoding, bool add_special_tokens,
               const TokenText& token_text) const override {
    for (const auto& step : steps_) step->process(encoding, add_special_tokens, token_text);
  }
  std::string fingerprint() const override {
    std::string result;
    for (const auto& step : steps_) result += step->fingerprint();
    return result;
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> steps_;
};

}  // namespace

std::unique_ptr<PostProcessor> PostProcessor::from_json(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "TemplateProcessing") return std::make_unique<TemplateProcessing>(fields);
  if (type == "ByteLevel") {
    return std::make_unique<OffsetTrimming>(fields.boolean_or("trim_offsets", true),
                                            fields.boolean_or("add_prefix_space", true));
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<PostProcessor>> steps;
    for (const JsonFields& step : json_objects(fields, "processors")) {
      steps.push_back(from_json(step));
    }
    return std::make_unique<PostProcessorSequence>(std::move(steps));
  }
  throw UserError(
      "{}: the post-processor '{}' is not supported (TemplateProcessing, ByteLevel and Sequence "
      "are)",
      fields.place(), type);
}

}  // namespace temper

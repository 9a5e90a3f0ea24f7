#include "text/tokenizer/pre/normalizer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/error.h"
#include "text/tokenizer/pre/fingerprint.h"
#include "text/tokenizer/pre/json_lists.h"
#include "text/tokenizer/pre/pattern.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  void normalize(AlignedText& text) const override {
    if (!is_certainly_normal(text.text(), form_)) {
      text.rewrite(normalize_edits(text.text(), form_));
    }
  }
  bool leaves_alone(std::string_view text) const override {
    return is_certainly_normal(text, form_);
  }
  std::string fingerprint() const override {
    return fmt::format("NormalForm({})", static_cast<int>(form_));
  }

 private:
  NormalForm form_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void normalize(AlignedText& text) const override { text.prepend(prefix_); }
  bool leaves_alone(std::string_view text) const override { return text.empty(); }
  std::string fingerprint() const override { return fmt::format("Prepend({})", sized(prefix_)); }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void normalize(AlignedText& text) const override {
    std::vector<TextPart> parts;
    pattern_.find_parts(text.text(), parts);
    text.replace(parts, content_);
  }
  bool leaves_alone(std::string_view text) const override { return text.empty(); }
  std::string fingerprint() const override {
    return fmt::format("Replace({}{})", sized(pattern_.description()), sized(content_));
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Lowercase : public Normalizer {
 public:
  void normalize(AlignedText& text) const override { text.rewrite(lowercase_edits(text.text())); }
  bool leaves_alone(std::string_view text) const override { return text.empty(); }
  std::string fingerprint() const override { return "Lowercase"; }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  void normalize(AlignedText& text) const override {
    const std::string& before = text.text();
    std::vector<CharacterEdit> edits;
    size_t num_leading = 0;
    size_t kept = 0;  // edits up to the last character that is not white space
    for (size_t i = 0; i < before.size();) {
      const char32_t c = next_code_point(before, i);
      const bool space = is_white_space(c);
      if (left_ && space && kept == 0) {
        ++num_leading;
        continue;
      }
      edits.push_back({c, 0});
      if (!space || !right_) kept = edits.size();
    }
    if (num_leading == 0 && kept == edits.size()) return;
    edits.resize(kept);
    text.rewrite(edits, num_leading);
  }

  bool leaves_alone(std::string_view text) const override { return text.empty(); }
  std::string fingerprint() const override { return fmt::format("Strip({},{})", left_, right_); }

 private:
  bool left_, right_;
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> steps)
      : steps_(std::move(steps)) {}
  void normalize(AlignedText& text) const override {
    for (const auto& step : steps_) step->normalize(text);
  }
  bool leaves_alone(std::string_view text) const override {
    return std::all_of(steps_.begin(), steps_.end(),
                       [&](const auto& step) { return step->leaves_alone(text); });
  }
  // A sequence within a sequence does what the flat one does.
  std::string fingerprint() const override {
    std::string result;
    for (const auto& step : steps_) result += step->fingerprint();
    return result;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

std::unique_ptr<Normalizer> read_sequence(const JsonFields& fields) {
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const JsonFields& step : json_objects(fields, "normalizers")) {
    steps.push_back(Normalizer::from_json(step));
  }
  return std::make_unique<NormalizerSequence>(std::move(steps));
}

}  // namespace

std::unique_ptr<Normalizer> Normalizer::from_json(const JsonFields& fields) {
  const std::string type = fields.text("type");
  if (type == "Sequence") return read_sequence(fields);
  if (type == "NFC") return std::make_unique<UnicodeForm>(NormalForm::kC);
  if (type == "NFD") return std::make_unique<UnicodeForm>(NormalForm::kD);
  if (type == "NFKC") return std::make_unique<UnicodeForm>(NormalForm::kKC);
  if (type == "NFKD") return std::make_unique<UnicodeForm>(NormalForm::kKD);
  if (type == "Prepend") return std::make_unique<Prepend>(fields.text("prepend"));
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "Replace") {
    return std::make_unique<Replace>(Pattern::from_json(fields), fields.text("content"));
  }
  if (type == "Strip") {
    return std::make_unique<Strip>(fields.boolean("strip_left"), fields.boolean("strip_right"));
  }
  throw UserError(
      "{}: the normaliser '{}' is not supported (NFC, NFD, NFKC, NFKD, Prepend, Replace, "
      "Lowercase, Strip and Sequence are)",
      fields.place(), type);
}

}  // namespace temper

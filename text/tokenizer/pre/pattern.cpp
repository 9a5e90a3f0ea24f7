#include "text/tokenizer/pre/pattern.h"

#include "common/error.h"

namespace temper {

Pattern Pattern::from_json(const JsonFields& fields) {
  const JsonFields pattern = fields.object("pattern");
  Pattern result;
  if (pattern.has("String")) {
    result.literal_ = pattern.text("String");
    if (result.literal_.empty()) throw UserError("{}: the pattern is empty", pattern.place());
    result.description_ = "String " + result.literal_;
  } else {
    const std::string expression = pattern.text("Regex");
    result.word_end_ = find_word_splitter(expression);
    if (result.word_end_ == nullptr) result.regex_.emplace(expression, pattern.place());
    result.description_ = "Regex " + expression;
  }
  return result;
}

void Pattern::find_parts(std::string_view text, std::vector<TextPart>& parts) const {
  if (word_end_ != nullptr) {
    find_word_parts(text, word_end_, parts);
  } else if (regex_) {
    regex_->find_parts(text, parts);
  } else {
    find_literal_parts(text, literal_, parts);
  }
}

void find_word_parts(std::string_view text, WordEnd word_end, std::vector<TextPart>& parts) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = word_end(text, begin);
    parts.push_back({begin, end, true});
    begin = end;
  }
}

void find_literal_parts(std::string_view text, std::string_view literal,
                        std::vector<TextPart>& parts) {
  size_t covered = 0;
  while (true) {
    const size_t found = text.find(literal, covered);
    if (found == std::string_view::npos) break;
    if (found > covered) parts.push_back({covered, found, false});
    covered = found + literal.size();
    parts.push_back({found, covered, true});
  }
  if (covered < text.size()) parts.push_back({covered, text.size(), false});
}

}  // namespace temper

#include "text/pattern.h"

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
    result.regex_.emplace(expression, pattern.place());
    result.description_ = "Regex " + expression;
  }
  return result;
}

void Pattern::find_parts(std::string_view text, std::vector<TextPart>& parts) const {
  if (regex_) {
    regex_->find_parts(text, parts);
  } else {
    find_literal_parts(text, literal_, parts);
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

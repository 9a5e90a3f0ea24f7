// What Split and Replace look for: a fixed string or a regular expression.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.h"
#include "text/tokenizer/pre/regex.h"
#include "text/tokenizer/pre/word_splitter.h"

namespace temper {

class Pattern {
 public:
  // {"String": "..."} or {"Regex": "..."}, the member "pattern" of `fields`.
  static Pattern from_json(const JsonFields& fields);

  void find_parts(std::string_view text, std::vector<TextPart>& parts) const;
  // For an expression that has a splitter written by hand, whose words are its matches; else null.
  WordEnd word_end() const { return word_end_; }
  // Tells two patterns apart; for fingerprints.
  const std::string& description() const { return description_; }

 private:
  std::string literal_;
  WordEnd word_end_ = nullptr;
  std::optional<Regex> regex_;
  std::string description_;
};

// Every word is a match.
void find_word_parts(std::string_view text, WordEnd word_end, std::vector<TextPart>& parts);

// The parts of `text` around every occurrence of `literal` (not empty).
void find_literal_parts(std::string_view text, std::string_view literal,
                        std::vector<TextPart>& parts);

}  // namespace temper

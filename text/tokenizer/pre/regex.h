// A compiled regular expression (PCRE2, just-in-time compiled where the machine allows it).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

// A part of a text: one match, or what lies between two. Together they cover the text in order.
struct TextPart {
  size_t begin;
  size_t end;
  bool is_match;
};

// Immutable: threads may share it.
class Regex {
 public:
  // An expression in Oniguruma's syntax, as tokenizer.json has it. UserError naming `place`.
  Regex(std::string_view pattern, const std::string& place);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // Appends the parts of `text` (valid UTF-8). UserError if the search is too much work.
  void find_parts(std::string_view text, std::vector<TextPart>& parts) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace temper

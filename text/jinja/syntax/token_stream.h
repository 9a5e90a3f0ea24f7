// The tokens of a template, taken one by one. What does not fit is a JinjaSyntaxError that names
// the line and what was found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/syntax/lexer.h"

namespace temper {

class JinjaTokenStream {
 public:
  explicit JinjaTokenStream(std::string_view source) : tokens_(tokenize_jinja(source)) {}

  const JinjaToken& current() const { return tokens_[at_]; }
  const JinjaToken& next() const;  // the one after it; at the end the last one again
  JinjaToken take();

  bool is_operator(std::string_view op) const { return current().is_operator(op); }
  bool is_name(std::string_view name) const { return current().is_name(name); }
  // Takes it when it is there.
  bool skip_operator(std::string_view op);
  bool skip_name(std::string_view name);
  // Takes what must be there.
  void expect_operator(std::string_view op);
  void expect_name(std::string_view name);
  void expect_tag_end(JinjaTokenKind kind);
  std::string take_name();

  [[noreturn]] void fail(const std::string& message) const;
  // "WHAT expected, found ...".
  [[noreturn]] void fail_expecting(std::string_view what) const;

 private:
  std::vector<JinjaToken> tokens_;
  size_t at_ = 0;
};

}  // namespace temper

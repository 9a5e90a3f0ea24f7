#include "text/jinja/syntax/token_stream.h"

#include <fmt/format.h>

#include <algorithm>

namespace temper {
namespace {

std::string describe(const JinjaToken& token) {
  switch (token.kind) {
    case JinjaTokenKind::kName:
    case JinjaTokenKind::kOperator:
      return fmt::format("'{}'", token.text);
    case JinjaTokenKind::kString:
      return "a string";
    case JinjaTokenKind::kInteger:
    case JinjaTokenKind::kFloat:
      return "a number";
    case JinjaTokenKind::kPrintEnd:
    case JinjaTokenKind::kBlockEnd:
      return "the end of the tag";
    case JinjaTokenKind::kEnd:
      return "the end of the template";
    default:
      return "text";
  }
}

}  // namespace

const JinjaToken& JinjaTokenStream::next() const {
  return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
}

JinjaToken JinjaTokenStream::take() {
  JinjaToken token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool JinjaTokenStream::skip_operator(std::string_view op) {
  if (!is_operator(op)) return false;
  take();
  return true;
}

bool JinjaTokenStream::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  take();
  return true;
}

void JinjaTokenStream::expect_operator(std::string_view op) {
  if (!skip_operator(op)) fail_expecting(fmt::format("'{}'", op));
}

void JinjaTokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) fail_expecting(fmt::format("'{}'", name));
}

void JinjaTokenStream::expect_tag_end(JinjaTokenKind kind) {
  if (current().kind != kind) fail_expecting("the end of the tag");
  take();
}

std::string JinjaTokenStream::take_name() {
  if (current().kind != JinjaTokenKind::kName) fail_expecting("a name");
  return take().text;
}

void JinjaTokenStream::fail(const std::string& message) const {
  throw JinjaSyntaxError{current().line, message};
}

void JinjaTokenStream::fail_expecting(std::string_view what) const {
  fail(fmt::format("{} expected, found {}", what, describe(current())));
}

}  // namespace temper

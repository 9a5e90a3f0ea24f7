// The first pass over a template: texts, and the tokens between {{ }} and {% %}. Whitespace control
// is settled here, with trim_blocks and lstrip_blocks on and without the source's last newline, as
// chat templates expect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

enum class JinjaTokenKind : uint8_t {
  kData,  // text to be printed as it is
  kPrintBegin,
  kPrintEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // its spelling is in text
  kEnd,
};

struct JinjaToken {
  JinjaTokenKind kind = JinjaTokenKind::kEnd;
  int line = 0;  // from 1
  std::string text;
  int64_t integer = 0;
  double number = 0;

  bool is_name(std::string_view name) const {
    return kind == JinjaTokenKind::kName && text == name;
  }
  bool is_operator(std::string_view op) const {
    return kind == JinjaTokenKind::kOperator && text == op;
  }
};

// A template that cannot be read, with its line.
struct JinjaSyntaxError {
  int line = 0;
  std::string message;
};

// `source` is valid UTF-8; the last token is kEnd. Throws JinjaSyntaxError.
std::vector<JinjaToken> tokenize_jinja(std::string_view source);

}  // namespace temper

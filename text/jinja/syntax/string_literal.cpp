#include "text/jinja/syntax/string_literal.h"

#include "text/unicode/utf8.h"

namespace temper {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Exactly `count` digits at `at`, which moves behind them.
std::optional<uint32_t> read_hex(std::string_view text, size_t& at, size_t count) {
  if (text.size() - at < count) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    const int digit = hex_value(text[at++]);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  return value;
}

uint32_t read_octal(std::string_view text, size_t& at) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i) {
    value = value * 8 + static_cast<uint32_t>(text[at++] - '0');
  }
  return value;
}

// What \n and its kin stand for; 0 for others.
char simple_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case '\\':
    case '\'':
    case '"':
      return c;
    default:
      return 0;
  }
}

bool append_code_point(std::string& out, std::optional<uint32_t> code) {
  if (!code || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) return false;
  append_utf8(out, static_cast<char32_t>(*code));
  return true;
}

}  // namespace

std::optional<std::string> decode_string_literal(std::string_view literal) {
  std::string out;
  for (size_t i = 0; i < literal.size();) {
    if (literal[i] != '\\') {
      out += literal[i++];
      continue;
    }
    if (++i == literal.size()) return std::nullopt;
    const char c = literal[i];
    if (c == '\n') {
      ++i;
    } else if (const char simple = simple_escape(c)) {
      out += simple;
      ++i;
    } else if (c >= '0' && c <= '7') {
      append_code_point(out, read_octal(literal, i));
    } else if (c == 'x' || c == 'u' || c == 'U') {
      if (!append_code_point(out, read_hex(literal, ++i, c == 'x' ? 2 : c == 'u' ? 4 : 8))) {
        return std::nullopt;
      }
    } else if (c == 'N') {
      return std::nullopt;
    } else {
      out += '\\';
    }
  }
  return out;
}

}  // namespace temper

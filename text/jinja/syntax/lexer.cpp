#include "text/jinja/syntax/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "text/jinja/runtime/unicode.h"
#include "text/jinja/syntax/string_literal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Kind = JinjaTokenKind;

bool is_digit_of(char c, int base) {
  if (c >= '0' && c <= '9') return c - '0' < base;
  const char lower = static_cast<char>(c | 0x20);
  return base == 16 && lower >= 'a' && lower <= 'f';
}

// With \n only, and without the last one.
std::string with_plain_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(with_plain_newlines(source)) {}

  std::vector<JinjaToken> run() {
    while (at_ < source_.size()) {
      const size_t tag = find_tag();
      if (tag == npos) {
        add_data(source_.substr(at_), source_.size());
        break;
      }
      read_tag(tag);
    }
    add(Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  static constexpr size_t npos = std::string::npos;

  [[noreturn]] void fail(const std::string& message) const {
    throw JinjaSyntaxError{line_, message};
  }
  bool starts_with(std::string_view text, size_t at) const {
    return std::string_view(source_).substr(at, text.size()) == text;
  }
  std::string_view rest() const { return std::string_view(source_).substr(at_); }

  void add(Kind kind, std::string text = {}) { tokens_.push_back({kind, line_, std::move(text)}); }
  void advance_to(size_t end) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    if (end > at_) starts_line_ = source_[end - 1] == '\n';
    at_ = end;
  }
  void add_data(std::string data, size_t end) {
    if (!data.empty()) add(Kind::kData, std::move(data));
    advance_to(end);
  }

  size_t find_tag() const {
    for (size_t i = source_.find('{', at_); i != npos; i = source_.find('{', i + 1)) {
      if (starts_with("{{", i) || starts_with("{%", i) || starts_with("{#", i)) return i;
    }
    return npos;
  }

  // White space behind `at`.
  size_t skip_space(size_t at) const {
    while (at < source_.size()) {
      size_t next = at;
      if (!is_python_space(next_code_point(source_, next))) break;
      at = next;
    }
    return at;
  }

  // The text before the tag at `tag`, whose sign is `sign`.
  std::string data_before(size_t tag, char sign, bool is_print) const {
    const std::string_view data = std::string_view(source_).substr(at_, tag - at_);
    if (sign == '-') return std::string(strip_end(data));
    if (sign == '+' || is_print) return std::string(data);
    const size_t newline = data.rfind('\n');
    const size_t line = newline == data.npos ? 0 : newline + 1;
    const bool starts_line = newline != data.npos || starts_line_;
    if (!starts_line || !strip_end(data.substr(line)).empty()) return std::string(data);
    return std::string(data.substr(0, line));
  }

  char sign_at(size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  void read_tag(size_t tag) {
    const char sign = sign_at(tag + 2);
    const size_t inside = tag + 2 + (sign ? 1 : 0);
    const char kind = source_[tag + 1];
    const std::string data = data_before(tag, sign, kind == '{');
    const int tag_line = line_ + static_cast<int>(std::count(
                                     source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                     source_.begin() + static_cast<std::ptrdiff_t>(tag), '\n'));
    add_data(data, tag);
    line_ = tag_line;
    if (kind == '%') {
      if (const size_t raw = end_of_raw_begin(inside); raw != npos) return read_raw(raw);
    }
    advance_to(inside);
    if (kind == '#') return read_comment();
    add(kind == '{' ? Kind::kPrintBegin : Kind::kBlockBegin);
    read_tokens(kind == '{');
  }

  // Where "{% raw %}" ends when it stands here.
  size_t end_of_raw_begin(size_t at) const {
    at = skip_space(at);
    if (!starts_with("raw", at)) return npos;
    at = skip_space(at + 3);
    if (starts_with("-%}", at)) return skip_space(at + 3);
    return starts_with("%}", at) ? at + 2 : npos;
  }

  void read_raw(size_t begin) {
    advance_to(begin);
    for (size_t tag = source_.find("{%", at_); tag != npos; tag = source_.find("{%", tag + 2)) {
      const char sign = sign_at(tag + 2);
      const size_t name = skip_space(tag + 2 + (sign ? 1 : 0));
      if (!starts_with("endraw", name)) continue;
      const size_t end = end_of_tag(skip_space(name + 6), "%}", true);
      if (end == npos) continue;
      const std::string data = data_before(tag, sign, false);
      return add_data(data, end);
    }
    fail("{% raw %} without its {% endraw %}");
  }

  // Where a tag's end marker ends, white space that it takes along included; npos when it is not
  // here. `trims` also takes one newline.
  size_t end_of_tag(size_t at, std::string_view marker, bool trims) const {
    if (at < source_.size() && source_[at] == '-' && starts_with(marker, at + 1)) {
      return skip_space(at + 1 + marker.size());
    }
    if (trims && at < source_.size() && source_[at] == '+' && starts_with(marker, at + 1)) {
      return at + 1 + marker.size();
    }
    if (!starts_with(marker, at)) return npos;
    const size_t end = at + marker.size();
    return trims && starts_with("\n", end) ? end + 1 : end;
  }

  void read_comment() {
    const size_t marker = source_.find("#}", at_);
    if (marker == npos) fail("a comment without its end");
    const bool has_sign =
        marker > at_ && (source_[marker - 1] == '-' || source_[marker - 1] == '+');
    advance_to(end_of_tag(marker - (has_sign ? 1 : 0), "#}", true));
  }

  void read_tokens(bool is_print) {
    std::string open;  // the closing brackets that are owed
    const std::string_view marker = is_print ? "}}" : "%}";
    while (at_ < source_.size()) {
      if (open.empty()) {
        if (const size_t end = end_of_tag(at_, marker, !is_print); end != npos) {
          add(is_print ? Kind::kPrintEnd : Kind::kBlockEnd);
          return advance_to(end);
        }
      }
      if (const size_t end = skip_space(at_); end > at_) {
        advance_to(end);
        continue;
      }
      read_token(open);
    }
    fail("the template ends within a tag");
  }

  void read_token(std::string& open) {
    const char c = source_[at_];
    if (c >= '0' && c <= '9') return read_number();
    if (c == '\'' || c == '"') return read_string(c);
    size_t end = at_;
    if (is_word_character(next_code_point(source_, end)) || c == '_') return read_name();
    read_operator(open);
  }

  void read_name() {
    size_t end = at_;
    while (end < source_.size()) {
      size_t next = end;
      if (!is_word_character(next_code_point(source_, next)) && source_[end] != '_') break;
      end = next;
    }
    add(Kind::kName, source_.substr(at_, end - at_));
    advance_to(end);
  }

  void read_string(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("a string without its end");
    const auto text = decode_string_literal(rest().substr(1, end - at_ - 1));
    if (!text) fail("a string with an escape that is not known");
    add(Kind::kString, *text);
    advance_to(end + 1);
  }

  // Digits with single underscores between them.
  size_t skip_digits(size_t at, int base) const {
    while (at < source_.size() &&
           (is_digit_of(source_[at], base) || (source_[at] == '_' && at + 1 < source_.size() &&
                                               is_digit_of(source_[at + 1], base)))) {
      ++at;
    }
    return at;
  }

  bool has_digit(size_t at) const { return at < source_.size() && is_digit_of(source_[at], 10); }

  // Where the float that begins here ends; npos when it is none.
  size_t end_of_float() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return npos;
    size_t end = skip_digits(at_, 10);
    bool is_float = false;
    if (end < source_.size() && source_[end] == '.' && has_digit(end + 1)) {
      end = skip_digits(end + 1, 10);
      is_float = true;
    }
    if (end < source_.size() && (source_[end] | 0x20) == 'e') {
      const size_t digits = end + (sign_at(end + 1) ? 2 : 1);
      if (has_digit(digits)) {
        end = skip_digits(digits, 10);
        is_float = true;
      }
    }
    return is_float ? end : npos;
  }

  void read_number() {
    const bool is_float = end_of_float() != npos;
    int base = 10;
    size_t begin = at_;
    if (!is_float && source_[at_] == '0' && at_ + 2 < source_.size()) {
      const int letter = source_[at_ + 1] | 0x20;
      const int other = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      if (other != 10 && is_digit_of(source_[at_ + 2], other)) {
        base = other;
        begin += 2;
      }
    }
    const size_t end = is_float ? end_of_float() : skip_digits(begin, base);
    std::string digits = source_.substr(begin, end - begin);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    JinjaToken token{is_float ? Kind::kFloat : Kind::kInteger, line_, {}};
    const char* last = digits.data() + digits.size();
    const std::errc error = is_float ? std::from_chars(digits.data(), last, token.number).ec
                                     : std::from_chars(digits.data(), last, token.integer, base).ec;
    if (error != std::errc()) fail("a number that is too large");
    if (!is_float && base == 10 && digits.size() > 1 && digits[0] == '0' && token.integer != 0) {
      fail("a number that begins with 0");
    }
    tokens_.push_back(std::move(token));
    advance_to(end);
  }

  void read_operator(std::string& open) {
    static constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!starts_with(op, at_)) continue;
      balance(op[0], open);
      add(Kind::kOperator, std::string(op));
      return advance_to(at_ + op.size());
    }
    fail("a character that has no meaning here");
  }

  void balance(char c, std::string& open) const {
    if (c == '(' || c == '[' || c == '{') {
      open += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (open.empty()) fail(fmt::format("a '{}' too many", c));
      if (open.back() != c) fail(fmt::format("'{}' where '{}' is expected", c, open.back()));
      open.pop_back();
    }
  }

  std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool starts_line_ = true;
  std::vector<JinjaToken> tokens_;
};

}  // namespace

std::vector<JinjaToken> tokenize_jinja(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace temper

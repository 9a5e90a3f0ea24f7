#include "text/oniguruma_syntax.h"

#include <cctype>

#include "common/error.h"

namespace temper {
namespace {

// The members of each class, as they stand inside [...].
constexpr std::string_view kSpace =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
// Some Latin-1 signs (² ³ ¹ ¼ ½ ¾) are word characters to Oniguruma.
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})"
    R"(\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
constexpr std::string_view kHexDigit = "0-9A-Fa-f";

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& place)
      : pattern_(pattern), place_(place) {}

  std::string run() {
    while (position_ < pattern_.size()) {
      const char c = pattern_[position_];
      if (c == '\\') {
        escape(false);
      } else if (c == '[') {
        character_class();
      } else if (c == '(' && peek(1) == '?') {
        group_options();
      } else if (c == '}' && peek(1) == '+') {
        refuse("a '+' behind {n,m}");  // possessive in PCRE2, a repetition in Oniguruma
      } else {
        out_ += c;
        ++position_;
      }
    }
    return std::move(out_);
  }

 private:
  char peek(size_t ahead) const {
    return position_ + ahead < pattern_.size() ? pattern_[position_ + ahead] : '\0';
  }

  [[noreturn]] void refuse(std::string_view what) const {
    throw UserError("{}: the regular expression has {} at character {}, which is not supported",
                    place_, what, position_ + 1);
  }

  void property_class(std::string_view members, bool negated, bool inside) {
    if (inside && negated) refuse("a negated class inside [...]");
    if (!inside) out_ += negated ? "[^" : "[";
    out_ += members;
    if (!inside) out_ += "]";
    position_ += 2;
  }

  // A backslash and what belongs to it.
  void escape(bool inside) {
    const char c = peek(1);
    switch (c) {
      case '\0':
        refuse("a lone backslash");
      case 's':
        return property_class(kSpace, false, inside);
      case 'S':
        return negated_space(inside);
      case 'w':
        return property_class(kWord, false, inside);
      case 'W':
        return property_class(kWord, true, inside);
      case 'h':
        return property_class(kHexDigit, false, inside);
      case 'H':
        return property_class(kHexDigit, true, inside);
      case 'b':
        if (!inside) return word_boundary("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))");
        break;
      case 'B':
        if (!inside) return word_boundary("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))");
        break;
      case 'p':
      case 'P':
        return property();
      default:
        break;
    }
    constexpr std::string_view kSame = "dDntrfaexuAzZbB0123456789";
    if (std::isalpha(static_cast<unsigned char>(c)) && kSame.find(c) == std::string_view::npos) {
      refuse(fmt::format("\\{}", c));
    }
    if (c == 'u') return unicode_escape();
    if (c == 'x' && peek(2) == '{') {
      const size_t end = pattern_.find('}', position_);
      if (end == std::string_view::npos) refuse("a \\x{ without its }");
      return copy(end + 1 - position_);
    }
    copy(2);
  }

  void word_boundary(fmt::format_string<const std::string_view&> text) {
    out_ += fmt::format(text, kWord);
    position_ += 2;
  }

  void negated_space(bool inside) {
    if (!inside) return property_class(kSpace, true, false);
    // Inside [...] the complement is spelled out: everything between the spaces.
    out_ +=
        R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
    position_ += 2;
  }

  void unicode_escape() {
    const std::string_view digits = pattern_.substr(position_ + 2, 4);
    for (char d : digits) {
      if (!std::isxdigit(static_cast<unsigned char>(d))) refuse("a \\u without four hex digits");
    }
    if (digits.size() != 4) refuse("a \\u without four hex digits");
    out_ += fmt::format("\\x{{{}}}", digits);
    position_ += 6;
  }

  // \p{Name}, \p{^Name}, \P{Name}. Only general categories and scripts mean the same to both.
  void property() {
    const size_t end = pattern_.find('}', position_);
    if (peek(2) != '{' || end == std::string_view::npos) refuse("\\p without {...}");
    std::string_view name = pattern_.substr(position_ + 3, end - position_ - 3);
    bool negated = peek(1) == 'P';
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.remove_prefix(1);
    }
    out_ += negated ? "\\P{" : "\\p{";
    // Oniguruma's scripts are without the extensions that PCRE2 adds to a bare name.
    if (name.size() > 2 && name != "Any") out_ += "sc:";
    out_ += name;
    out_ += '}';
    position_ = end + 1;
  }

  // [...] with its nested, not negated classes flattened: a union is what they are.
  void character_class() {
    out_ += '[';
    ++position_;
    if (peek(0) == '^') copy(1);
    if (peek(0) == ']') {
      out_ += "\\]";
      ++position_;
    }
    for (int depth = 1; depth > 0;) {
      const char c = peek(0);
      if (position_ >= pattern_.size()) refuse("a [ without its ]");
      if (c == '\\') {
        escape(true);
      } else if (c == '[') {
        if (peek(1) == ':') refuse("a POSIX class");
        if (peek(1) == '^') refuse("a negated class inside [...]");
        ++depth;
        ++position_;
      } else if (c == ']') {
        --depth;
        ++position_;
      } else if (c == '&' && peek(1) == '&') {
        refuse("an intersection (&&)");
      } else {
        copy(1);
      }
    }
    out_ += ']';
  }

  // (?imx-imx) and (?imx-imx:...): Oniguruma's m is PCRE2's s. Other groups stay.
  void group_options() {
    size_t end = position_ + 2;
    while (end < pattern_.size() &&
           std::string_view("imx-").find(pattern_[end]) != std::string_view::npos) {
      ++end;
    }
    const bool is_options = end > position_ + 2 && end < pattern_.size() &&
                            (pattern_[end] == ':' || pattern_[end] == ')');
    if (!is_options) {
      if (std::string_view(":=!<>#").find(peek(2)) == std::string_view::npos) {
        refuse(fmt::format("a group (?{}", peek(2)));
      }
      return copy(2);
    }
    out_ += "(?";
    for (size_t i = position_ + 2; i <= end; ++i) out_ += pattern_[i] == 'm' ? 's' : pattern_[i];
    position_ = end + 1;
  }

  void copy(size_t count) {
    out_ += pattern_.substr(position_, count);
    position_ += count;
  }

  std::string_view pattern_;
  const std::string& place_;
  size_t position_ = 0;
  std::string out_;
};

}  // namespace

std::string oniguruma_to_pcre2(std::string_view pattern, const std::string& place) {
  return Translator(pattern, place).run();
}

}  // namespace temper

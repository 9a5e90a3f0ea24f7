#include "text/tokenizer/pre/oniguruma_syntax.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "text/unicode/unicode.h"

namespace temper {
namespace {

// What a pattern may grow to: each class is spelled out.
constexpr size_t kMaxTranslation = size_t{4} << 20;

// A set of code points that a backslash names, from our own tables: PCRE2's follow the version of
// Unicode that a system happens to have. Ranges are ascending and do not touch.
using Ranges = std::vector<std::pair<char32_t, char32_t>>;

void add_range(Ranges& ranges, char32_t first, char32_t last) {
  if (!ranges.empty() && ranges.back().second + 1 == first) {
    ranges.back().second = last;
  } else {
    ranges.emplace_back(first, last);
  }
}

template <typename Contains>
Ranges characters_that(Contains&& contains) {
  Ranges ranges;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (contains(c)) add_range(ranges, c, c);
  }
  return ranges;
}

template <typename Contains>
Ranges categories_that(Contains&& contains) {
  Ranges ranges;
  for (size_t i = 0; i < kCategoryRuns.size(); ++i) {
    if (!contains(static_cast<Category>(kCategoryRuns[i] & 31))) continue;
    const char32_t end = i + 1 < kCategoryRuns.size() ? kCategoryRuns[i + 1] >> 5 : 0x110000;
    add_range(ranges, kCategoryRuns[i] >> 5, end - 1);
  }
  return ranges;
}

// \p{L}, \p{Lu}: empty for what is no general category. Case and underscores do not count.
Ranges category_ranges(std::string_view name) {
  constexpr std::string_view kNames =
      "cnlullltlmlomnmcmendnlnopcpdpspepipfposmscsksozszlzpcccfcocs";
  std::string key;
  for (char c : name) key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (key.empty() || key.size() > 2) return {};
  return categories_that([&](Category category) {
    return kNames.substr(static_cast<size_t>(category) * 2, 2).starts_with(key);
  });
}

Ranges complement(const Ranges& ranges) {
  Ranges result;
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) result.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= 0x10FFFF) result.emplace_back(next, 0x10FFFF);
  return result;
}

const Ranges& spaces() {
  static const Ranges ranges = characters_that(is_white_space);
  return ranges;
}

const Ranges& digits() {
  static const Ranges ranges = category_ranges("Nd");
  return ranges;
}

bool is_word_in_brackets(char32_t c) {
  const Category k = category_of(c);
  return (k >= Category::kLu && k <= Category::kNl) || k == Category::kPc ||
         (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

// Circled or squared letters are word characters to Oniguruma, and, but not inside [...], some
// Latin-1 signs (superscript digits and fractions).
const Ranges& word_characters(bool inside) {
  static const Ranges in_brackets = characters_that(is_word_in_brackets);
  static const Ranges alone = characters_that([](char32_t c) {
    return is_word_in_brackets(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 ||
           (c >= 0xBC && c <= 0xBE);
  });
  return inside ? in_brackets : alone;
}

const Ranges& hex_digits() {
  static const Ranges ranges{{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
  return ranges;
}

// The ranges as they stand inside [...]. Surrogates are no characters of UTF-8, and PCRE2 refuses
// them.
std::string members(const Ranges& ranges) {
  std::string text;
  const auto add = [&](uint32_t first, uint32_t last) {
    if (first > last) return;
    text += first == last ? fmt::format("\\x{{{:x}}}", first)
                          : fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", first, last);
  };
  for (const auto& [first, last] : ranges) {
    add(first, std::min<uint32_t>(last, 0xD7FF));
    add(std::max<uint32_t>(first, 0xE000), last);
  }
  return text;
}

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

  void add_class(const Ranges& ranges, bool negated, bool inside, size_t num_characters) {
    const std::string text = members(negated ? complement(ranges) : ranges);
    if (text.empty() && !inside) {
      out_ += "(?!)";
    } else {
      out_ += inside ? text : "[" + text + "]";
    }
    if (out_.size() > kMaxTranslation) refuse("too many character classes up to here");
    position_ += num_characters;
  }

  // A backslash and what belongs to it.
  void escape(bool inside) {
    const char c = peek(1);
    switch (c) {
      case '\0':
        refuse("a lone backslash");
      case 's':
      case 'S':
        return add_class(spaces(), c == 'S', inside, 2);
      case 'w':
      case 'W':
        return add_class(word_characters(inside), c == 'W', inside, 2);
      case 'h':
      case 'H':
        return add_class(hex_digits(), c == 'H', inside, 2);
      case 'd':
      case 'D':
        return add_class(digits(), c == 'D', inside, 2);
      case 'b':
        if (!inside) return word_boundary("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))");
        break;
      case 'B':
        if (!inside) return word_boundary("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))");
        break;
      case 'p':
      case 'P':
        return property(inside);
      default:
        break;
    }
    constexpr std::string_view kSame = "ntrfaexuAzZbB0123456789";
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

  void word_boundary(std::string_view text) {
    static const std::string word = members(word_characters(false));
    out_ += fmt::format(fmt::runtime(text), word);
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

  // \p{Name}, \p{^Name}, \P{Name}: general categories by our tables, scripts by PCRE2's.
  void property(bool inside) {
    const size_t end = pattern_.find('}', position_);
    if (peek(2) != '{' || end == std::string_view::npos) refuse("\\p without {...}");
    std::string_view name = pattern_.substr(position_ + 3, end - position_ - 3);
    bool negated = peek(1) == 'P';
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.remove_prefix(1);
    }
    const Ranges ranges = category_ranges(name);
    if (!ranges.empty()) return add_class(ranges, negated, inside, end + 1 - position_);
    out_ += negated ? "\\P{" : "\\p{";
    // Oniguruma's scripts are without the extensions that PCRE2 adds to a bare name.
    if (name != "Any") out_ += "sc:";
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

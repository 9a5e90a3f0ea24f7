#include "text/jinja/runtime/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

// Characters whose other case has several characters; tests/reference/make_case_table.py wrote the
// table from Python's str.upper() and str.title().
struct LongCase {
  char32_t character;
  const char* upper;
  const char* title;
};
constexpr LongCase kLongCases[] = {
#include "text/jinja/runtime/case_table.inc"
};

const LongCase* find_long_case(char32_t c) {
  const auto found =
      std::lower_bound(std::begin(kLongCases), std::end(kLongCases), c,
                       [](const LongCase& a, char32_t b) { return a.character < b; });
  return found != std::end(kLongCases) && found->character == c ? found : nullptr;
}

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

void append_upper(std::string& out, char32_t c) {
  if (const LongCase* found = find_long_case(c)) {
    out += found->upper;
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  if (const LongCase* found = find_long_case(c)) {
    out += found->title;
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
  }
}

bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT;
}

bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2018 || c == 0x2019 ||
             c == 0x2024 || c == 0x2027 || c == 0x387 || c == 0x55F || c == 0x5F4;
  }
}

// A capital sigma at the end of a word becomes another letter than one within it.
bool is_final_sigma(std::string_view text, size_t begin, size_t end) {
  const auto next_is_cased = [&] {
    for (size_t i = end; i < text.size();) {
      const char32_t c = next_code_point(text, i);
      if (!is_case_ignorable(c)) return is_cased(c);
    }
    return false;
  };
  for (size_t i = begin; i > 0;) {
    const char32_t c = previous_code_point(text, i);
    if (!is_case_ignorable(c)) return is_cased(c) && !next_is_cased();
  }
  return false;
}

void append_lower(std::string& out, std::string_view text, size_t begin, size_t end, char32_t c) {
  if (c == 0x130) {
    out += "i\u0307";
  } else if (c == 0x3A3) {
    out += is_final_sigma(text, begin, end) ? "\u03C2" : "\u03C3";
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

bool in_characters(char32_t c, std::string_view characters) {
  for (size_t i = 0; i < characters.size();) {
    if (next_code_point(characters, i) == c) return true;
  }
  return false;
}

bool is_stripped(char32_t c, const std::string_view* characters) {
  return characters ? in_characters(c, *characters) : is_python_space(c);
}

}  // namespace

bool is_python_space(char32_t c) {
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

bool is_printable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_line_end(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_letter(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

bool is_decimal(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_digit(char32_t c) {
  // Superscripts and circled digits, which have the property Numeric_Type=Digit.
  return is_decimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
         (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089) ||
         (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247C) ||
         (c >= 0x2488 && c <= 0x2490) || (c >= 0x2776 && c <= 0x277E);
}

bool is_upper(char32_t c) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) != 0;
}

bool is_lower(char32_t c) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) != 0;
}

std::string python_upper(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) append_upper(out, next_code_point(text, i));
  return out;
}

std::string python_lower(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(text, i);
    append_lower(out, text, begin, i, c);
  }
  return out;
}

std::string python_capitalize(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(text, i);
    begin == 0 ? append_title(out, c) : append_lower(out, text, begin, i, c);
  }
  return out;
}

std::string python_title(std::string_view text) {
  std::string out;
  bool previous_is_cased = false;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = next_code_point(text, i);
    previous_is_cased ? append_lower(out, text, begin, i, c) : append_title(out, c);
    previous_is_cased = is_cased(c);
  }
  return out;
}

std::string_view strip_begin(std::string_view text, const std::string_view* characters) {
  while (!text.empty()) {
    size_t end = 0;
    if (!is_stripped(next_code_point(text, end), characters)) break;
    text.remove_prefix(end);
  }
  return text;
}

std::string_view strip_end(std::string_view text, const std::string_view* characters) {
  while (!text.empty()) {
    size_t begin = text.size();
    if (!is_stripped(previous_code_point(text, begin), characters)) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

size_t find_part(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return text.npos;
  if (part.empty()) return from;
  // std::string_view::find takes quadratic time on purpose-made texts.
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : text.npos;
}

size_t find_last_part(std::string_view text, std::string_view part) {
  const std::string reversed_text(text.rbegin(), text.rend());
  const std::string reversed_part(part.rbegin(), part.rend());
  const size_t found = find_part(reversed_text, reversed_part);
  return found == text.npos ? text.npos : text.size() - found - part.size();
}

}  // namespace temper

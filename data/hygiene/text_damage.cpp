#include "data/hygiene/text_damage.h"

#include <algorithm>
#include <array>
#include <string>

#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr size_t kMinWords = 8;

// What Windows-1252 shows for the bytes 0x80 to 0x9F.
constexpr std::array<char32_t, 32> kWindows1252 = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

// The byte that was shown as this character; -1 when none is.
int byte_shown_as(char32_t code_point) {
  if (code_point < 0x100) return static_cast<int>(code_point);
  const auto found = std::find(kWindows1252.begin(), kWindows1252.end(), code_point);
  return found == kWindows1252.end() ? -1 : 0x80 + static_cast<int>(found - kWindows1252.begin());
}

// The bytes of what people write: accented Latin, Greek, Cyrillic, and typographic marks. Others
// stand side by side by chance ("É»").
bool is_likely(char32_t code_point) {
  return (code_point >= 0xA0 && code_point < 0x180) ||
         (code_point >= 0x391 && code_point < 0x460) ||
         (code_point >= 0x2010 && code_point < 0x2040) || code_point == 0x20AC ||
         code_point == 0x2122 || (code_point >= 0x2190 && code_point < 0x2300) ||
         (code_point >= 0x1F300 && code_point < 0x1FB00);
}

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

int64_t count_mojibake(std::string_view text) {
  int64_t count = 0;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const char32_t first = next_code_point(text, at);
    count += first == kReplacement;
    if (first < 0xC2 || first > 0xF4) continue;
    // The characters as the bytes they may have been.
    std::string bytes(1, static_cast<char>(first));
    const size_t length = utf8_length(bytes[0]);
    size_t after = at;
    while (bytes.size() < length && after < text.size()) {
      const int byte = byte_shown_as(next_code_point(text, after));
      if (byte < 0x80 || byte > 0xBF) break;
      bytes += static_cast<char>(byte);
    }
    size_t start = 0;
    if (bytes.size() != length || !is_valid_utf8(bytes) ||
        !is_likely(next_code_point(bytes, start))) {
      continue;
    }
    ++count;
    at = after;
  }
  return count;
}

bool looks_cut_off(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r\n\f\v");
  if (last == text.npos) return false;
  text = text.substr(0, last + 1);
  size_t words = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size() && words < kMinWords; ++i) {
    const bool blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
    words += inside && blank;
    inside = !blank;
  }
  if (words + 1 < kMinWords) return false;
  const char end = text.back();
  if (end == ',' || end == '-') return true;
  if (!is_ascii_letter(end)) return false;
  const size_t word = text.find_last_of(" \t\n") + 1;
  const bool lower_case = text[word] >= 'a' && text[word] <= 'z';
  const size_t line = text.find_last_of('\n') + 1;
  const size_t start = std::min(text.find_first_not_of(" \t", line), word);
  const bool in_list = start == word || !is_ascii_letter(text[start]);
  return lower_case && !in_list;
}

}  // namespace temper

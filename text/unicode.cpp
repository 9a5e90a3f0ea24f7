#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "text/utf8.h"

namespace temper {
namespace {

// What a normal form of class C leaves alone in any company: starters that are their own
// composition and never the second half of another one. Past this bound nothing is assumed.
constexpr char32_t kStableBound = 0x20000;

struct Decomposed {
  char32_t character;
  int change;
  int combining_class;
};

int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

size_t decompose(char32_t c, bool compatible, std::array<utf8proc_int32_t, 32>& out) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE |
                                                      (compatible ? UTF8PROC_COMPAT : 0));
  int boundary = 0;
  const auto length =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), out.data(),
                              static_cast<utf8proc_ssize_t>(out.size()), options, &boundary);
  if (length <= 0 || length > static_cast<utf8proc_ssize_t>(out.size())) {
    out[0] = static_cast<utf8proc_int32_t>(c);
    return 1;
  }
  return static_cast<size_t>(length);
}

// The primary composite of two characters, or 0.
char32_t compose(char32_t first, char32_t second) {
  utf8proc_int32_t pair[2] = {static_cast<utf8proc_int32_t>(first),
                              static_cast<utf8proc_int32_t>(second)};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  return utf8proc_normalize_utf32(pair, 2, options) == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

std::vector<bool> find_stable_characters() {
  std::vector<bool> stable(kStableBound, true);
  std::array<utf8proc_int32_t, 32> parts;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c < kStableBound && combining_class(c) != 0) stable[c] = false;
    const size_t length = decompose(c, false, parts);
    if (length == 1 && static_cast<char32_t>(parts[0]) == c) continue;
    char32_t composed = static_cast<char32_t>(parts[0]);
    for (size_t i = 1; i < length; ++i) {
      const auto part = static_cast<char32_t>(parts[i]);
      if (part < kStableBound) stable[part] = false;
      composed = compose(composed, part);
    }
    if (c < kStableBound && composed != c) stable[c] = false;
  }
  return stable;
}

std::vector<Decomposed> decompose_text(std::string_view text, bool compatible) {
  std::vector<Decomposed> out;
  out.reserve(text.size());
  std::array<utf8proc_int32_t, 32> parts;
  for (size_t i = 0; i < text.size();) {
    const size_t length = decompose(next_code_point(text, i), compatible, parts);
    for (size_t k = 0; k < length; ++k) {
      const auto part = static_cast<char32_t>(parts[k]);
      out.push_back({part, k == 0 ? 0 : 1, combining_class(part)});
    }
  }
  const auto is_starter = [](const Decomposed& d) { return d.combining_class == 0; };
  for (auto run = out.begin(); run != out.end();) {
    run = std::find_if_not(run, out.end(), is_starter);
    const auto end = std::find_if(run, out.end(), is_starter);
    std::stable_sort(run, end, [](const Decomposed& a, const Decomposed& b) {
      return a.combining_class < b.combining_class;
    });
    run = end;
  }
  return out;
}

// Canonical composition in place: characters that join the last starter leave their place.
std::vector<CharacterEdit> compose_text(const std::vector<Decomposed>& text) {
  std::vector<CharacterEdit> out;
  out.reserve(text.size());
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t starter = kNone;
  int last_class = -1;  // of what stands between the starter and here; -1 when nothing does
  for (const Decomposed& d : text) {
    const bool reachable = starter != kNone && last_class < d.combining_class;
    const char32_t joined = reachable ? compose(out[starter].character, d.character) : 0;
    if (joined != 0) {
      out[starter].character = joined;
      out[starter].change += d.change - 1;
      continue;
    }
    if (d.combining_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = d.combining_class;
    }
    out.push_back({d.character, d.change});
  }
  return out;
}

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_numeric(char32_t c) {
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
  }
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool is_word_character(char32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }
  const auto k = category(c);
  if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) return true;  // L*, M*, Nd, Nl
  if (k == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D) return true;
  // Circled and squared letters are symbols that are Alphabetic nevertheless.
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

bool is_certainly_normal(std::string_view text, NormalForm form) {
  if (is_ascii(text)) return true;
  if (form != NormalForm::kC) return false;
  static const std::vector<bool> stable = find_stable_characters();
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (c >= kStableBound || !stable[c]) return false;
  }
  return true;
}

std::vector<CharacterEdit> normalize_edits(std::string_view text, NormalForm form) {
  const bool compatible = form == NormalForm::kKC || form == NormalForm::kKD;
  const std::vector<Decomposed> decomposed = decompose_text(text, compatible);
  if (form == NormalForm::kC || form == NormalForm::kKC) return compose_text(decomposed);
  std::vector<CharacterEdit> out;
  out.reserve(decomposed.size());
  for (const Decomposed& d : decomposed) out.push_back({d.character, d.change});
  return out;
}

std::vector<CharacterEdit> lowercase_edits(std::string_view text) {
  std::vector<CharacterEdit> out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (c == 0x130) {  // the one letter whose lower case is two characters
      out.push_back({U'i', 0});
      out.push_back({0x307, 1});
    } else {
      const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(c));
      out.push_back({static_cast<char32_t>(lower), 0});
    }
  }
  return out;
}

}  // namespace temper

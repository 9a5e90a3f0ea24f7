#include "text/unicode/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "text/unicode/utf8.h"

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

using CharacterRange = std::pair<char32_t, char32_t>;  // first and last

template <size_t kSize>
bool is_in(const CharacterRange (&ranges)[kSize], char32_t c) {
  const auto behind = std::upper_bound(
      std::begin(ranges), std::end(ranges), c,
      [](char32_t value, const CharacterRange& range) { return value < range.first; });
  return behind != std::begin(ranges) && c <= std::prev(behind)->second;
}

// Hugging Face normalises by the tables of Unicode 9: what came later stays as it is. So do we, and
// the version of utf8proc makes no difference. Only what normalisation would touch is listed.
constexpr CharacterRange kLaterCharacters[] = {
    {0x7FD, 0x7FD},     {0x897, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0xECE, 0xECE},
    {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},
    {0xA7F1, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x10781, 0x107BA},
    {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10EFA, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B},
    {0x11383, 0x113E2}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11938, 0x11938},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D45}, {0x11D97, 0x11D97},
    {0x11F41, 0x11F42}, {0x1611E, 0x1612F}, {0x16D67, 0x16D6A}, {0x16FF0, 0x16FF1},
    {0x1CCD6, 0x1CCF9}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF},
    {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9},
};

bool is_later_character(char32_t c) {
  return is_in(kLaterCharacters, c);
}

int combining_class(char32_t c) {
  if (is_later_character(c)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

size_t decompose(char32_t c, bool compatible, std::array<utf8proc_int32_t, 32>& out) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE |
                                                      (compatible ? UTF8PROC_COMPAT : 0));
  int boundary = 0;
  const auto length =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), out.data(),
                              static_cast<utf8proc_ssize_t>(out.size()), options, &boundary);
  if (length <= 0 || length > static_cast<utf8proc_ssize_t>(out.size()) || is_later_character(c)) {
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
  // U+11A7 is where Hangul finals start, not a final; some versions of utf8proc join it all the
  // same.
  if (second == 0x11A7 || utf8proc_normalize_utf32(pair, 2, options) != 1) return 0;
  const auto composite = static_cast<char32_t>(pair[0]);
  return is_later_character(composite) ? 0 : composite;
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

constexpr size_t kPageSize = 256;

// What a code point is, in pages of which equal ones are kept once.
class CharacterTable {
 public:
  CharacterTable() {
    std::map<std::string, uint16_t> known;
    size_t run = 0;
    for (size_t page = 0; page < page_of_.size(); ++page) {
      std::vector<Entry> entries;
      std::string key;
      for (size_t c = page * kPageSize; c < (page + 1) * kPageSize; ++c) {
        while (run + 1 < kCategoryRuns.size() && kCategoryRuns[run + 1] >> 5 <= c) ++run;
        const auto category = static_cast<Category>(kCategoryRuns[run] & 31);
        entries.push_back({category, classes_of(category, c)});
        key += {static_cast<char>(category), static_cast<char>(entries.back().classes)};
      }
      const auto [found, is_new] = known.try_emplace(key, static_cast<uint16_t>(known.size()));
      page_of_[page] = found->second;
      if (is_new) entries_.insert(entries_.end(), entries.begin(), entries.end());
    }
  }

  struct Entry {
    Category category;
    uint8_t classes;
  };
  const Entry& operator[](char32_t c) const {
    return entries_[page_of_[c / kPageSize] * kPageSize + c % kPageSize];
  }

 private:
  static uint8_t classes_of(Category category, size_t c) {
    int classes = CharacterClass::kCharacter;
    const bool letter = category >= Category::kLu && category <= Category::kLo;
    const bool mark = category >= Category::kMn && category <= Category::kMe;
    if (letter) classes |= CharacterClass::kLetter;
    if (category >= Category::kNd && category <= Category::kNo) classes |= CharacterClass::kNumber;
    if ((letter || mark) && category != Category::kLl) classes |= CharacterClass::kUpper;
    if (mark || category == Category::kLl || category == Category::kLm ||
        category == Category::kLo) {
      classes |= CharacterClass::kLower;
    }
    if (is_white_space(static_cast<char32_t>(c))) classes |= CharacterClass::kSpace;
    if (c == '\r' || c == '\n') classes |= CharacterClass::kNewline;
    return static_cast<uint8_t>(classes);
  }

  std::array<uint16_t, 0x110000 / kPageSize> page_of_;
  std::vector<Entry> entries_;
};

const CharacterTable& character_table() {
  static const CharacterTable table;
  return table;
}

// Hugging Face does not count later punctuation, as with normal forms, and one sign was punctuation
// before.
constexpr CharacterRange kLaterPunctuation[] = {
    {0x61D, 0x61D},     {0x9FD, 0x9FD},     {0xA76, 0xA76},     {0xC77, 0xC77},
    {0xC84, 0xC84},     {0x1B4E, 0x1B4F},   {0x1B7D, 0x1B7F},   {0x2E43, 0x2E5D},
    {0x10D6E, 0x10D6E}, {0x10EAD, 0x10EAD}, {0x10ED0, 0x10ED8}, {0x10F55, 0x10F59},
    {0x10F86, 0x10F89}, {0x113D4, 0x113D8}, {0x1144B, 0x1144F}, {0x1145A, 0x1145D},
    {0x11660, 0x1166C}, {0x116B9, 0x116B9}, {0x1183B, 0x1183B}, {0x11944, 0x11946},
    {0x119E2, 0x119E2}, {0x11A3F, 0x11A46}, {0x11A9A, 0x11AA2}, {0x11B00, 0x11B09},
    {0x11BE1, 0x11BE1}, {0x11C41, 0x11C45}, {0x11C70, 0x11C71}, {0x11EF7, 0x11EF8},
    {0x11F43, 0x11F4F}, {0x11FFF, 0x11FFF}, {0x12FF1, 0x12FF2}, {0x16D6D, 0x16D6F},
    {0x16E97, 0x16E9A}, {0x16FE2, 0x16FE2}, {0x1E5FF, 0x1E5FF}, {0x1E95E, 0x1E95F},
};

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

Category category_of(char32_t c) {
  return character_table()[c].category;
}

uint8_t character_classes(char32_t c) {
  return character_table()[c].classes;
}

const std::array<uint8_t, 128> kAsciiClasses = [] {
  std::array<uint8_t, 128> classes{};
  for (char32_t c = 0; c < 128; ++c) classes[c] = character_classes(c);
  return classes;
}();

bool is_numeric(char32_t c) {
  return (character_classes(c) & CharacterClass::kNumber) != 0 ||
         std::find(kLaterNumbers.begin(), kLaterNumbers.end(), c) != kLaterNumbers.end();
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
  }
  if (c == 0x166D || c == 0x111C9) return true;
  const Category k = category_of(c);
  return k >= Category::kPc && k <= Category::kPo && !is_in(kLaterPunctuation, c);
}

bool is_word_character(char32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }
  const Category k = category_of(c);
  if (k >= Category::kLu && k <= Category::kNl) return true;  // L*, M*, Nd, Nl
  if (k == Category::kPc || c == 0x200C || c == 0x200D) return true;
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

char32_t lower_case(char32_t c) {
  const auto later = std::lower_bound(
      kLaterLowercase.begin(), kLaterLowercase.end(), c,
      [](const LowercasePair& pair, char32_t value) { return pair.upper < value; });
  if (later != kLaterLowercase.end() && later->upper == c) return later->lower;
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
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
      out.push_back({lower_case(c), 0});
    }
  }
  return out;
}

}  // namespace temper

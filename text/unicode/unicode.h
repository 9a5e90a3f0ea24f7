// Properties of code points and the Unicode normal forms.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/unicode/unicode_data.h"

namespace temper {

Category category_of(char32_t c);  // of a code point up to U+10FFFF

// The sets that splitters tell apart. A character may be in several.
struct CharacterClass {
  enum : uint8_t {
    kLetter = 1,      // \p{L}
    kNumber = 2,      // \p{N}
    kSpace = 4,       // \s
    kNewline = 8,     // \r and \n
    kUpper = 16,      // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
    kLower = 32,      // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
    kCharacter = 128  // every character
  };
};
uint8_t character_classes(char32_t c);
extern const std::array<uint8_t, 128> kAsciiClasses;
inline uint8_t ascii_classes(unsigned char c) {
  return kAsciiClasses[c];
}

bool is_white_space(char32_t c);     // property White_Space
bool is_numeric(char32_t c);         // general category N*, as Digits has it
bool is_punctuation(char32_t c);     // general category P*, and every ASCII punctuation mark
bool is_word_character(char32_t c);  // Alphabetic, marks, decimal digits, connectors, joiners

// One character of a rewritten text and what it does to the text before it: 0 takes the place of
// one old character, +1 is new beside the one before it, -n takes the place of 1 + n old ones.
struct CharacterEdit {
  char32_t character;
  int change;
};

enum class NormalForm { kC, kD, kKC, kKD };

// Whether the text certainly is in the form already; cheap, and may say no to text that is.
bool is_certainly_normal(std::string_view text, NormalForm form);
std::vector<CharacterEdit> normalize_edits(std::string_view text, NormalForm form);
std::vector<CharacterEdit> lowercase_edits(std::string_view text);

}  // namespace temper

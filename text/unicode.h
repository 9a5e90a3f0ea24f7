// Properties of code points and the Unicode normal forms.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace temper {

bool is_white_space(char32_t c);     // property White_Space
bool is_numeric(char32_t c);         // general category N*
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

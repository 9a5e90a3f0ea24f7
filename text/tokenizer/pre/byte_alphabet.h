// The alphabet of byte-level vocabularies (GPT-2): every byte has a printable character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace temper {

char32_t byte_to_character(uint8_t byte);
// The byte that a character stands for, or -1.
int character_to_byte(char32_t character);

// "Ġthe" for " the".
std::string bytes_to_characters(std::string_view bytes);

// The other way round; false, with `bytes` left in any state, if a character is not of the
// alphabet.
bool characters_to_bytes(std::string_view characters, std::string& bytes);

}  // namespace temper

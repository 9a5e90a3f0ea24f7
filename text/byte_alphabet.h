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

}  // namespace temper

#include "text/tokenizer/pre/byte_alphabet.h"

#include <array>

#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Printable bytes are their own Latin-1 character, the others follow from U+0100 on.
constexpr std::array<char32_t, 256> make_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    characters[byte] = is_printable(byte) ? byte : next++;
  }
  return characters;
}

constexpr std::array<char32_t, 256> kCharacters = make_characters();
constexpr char32_t kNumCharacters = 0x144;  // one past the largest

constexpr std::array<int16_t, kNumCharacters> make_bytes() {
  std::array<int16_t, kNumCharacters> bytes{};
  for (auto& byte : bytes) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = static_cast<int16_t>(byte);
  return bytes;
}

constexpr std::array<int16_t, kNumCharacters> kBytes = make_bytes();

}  // namespace

char32_t byte_to_character(uint8_t byte) {
  return kCharacters[byte];
}

int character_to_byte(char32_t character) {
  return character < kNumCharacters ? kBytes[character] : -1;
}

std::string bytes_to_characters(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char byte : bytes) append_utf8(out, kCharacters[static_cast<uint8_t>(byte)]);
  return out;
}

bool characters_to_bytes(std::string_view characters, std::string& bytes) {
  bytes.clear();
  for (size_t i = 0; i < characters.size();) {
    const int byte = character_to_byte(next_code_point(characters, i));
    if (byte < 0) return false;
    bytes.push_back(static_cast<char>(byte));
  }
  return true;
}

}  // namespace temper

#include "common/terminal_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace temper {
namespace {

struct Character {
  uint32_t code = 0;
  size_t num_bytes = 0;  // 0: no UTF-8; 1 to 4
};

bool continues(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// How many bytes the character that begins like this has; 0: none begins so.
size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

Character first_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const size_t length = length_of(first);
  if (length == 0 || length > text.size()) return {};
  if (length == 1) return {first, 1};
  uint32_t code = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!continues(byte)) return {};
    code = (code << 6) | (byte & 0x3Fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  if (code < kSmallest[length] || code > 0x10FFFF || is_surrogate) return {};
  return {code, length};
}

bool is_obeyed(uint32_t code) {
  if (code == '\n' || code == '\t') return false;
  const bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  return is_control || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

// Bytes up to the beginning of a character that is not whole yet.
size_t whole_bytes(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (continues(byte)) continue;
    return length_of(byte) > back ? text.size() - back : text.size();
  }
  return text.size();
}

}  // namespace

std::string terminal_text(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.num_bytes == 0) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (is_obeyed(character.code)) {
      shown += fmt::format("\\u{:04x}", character.code);
    } else {
      shown += text.substr(0, character.num_bytes);
    }
    text.remove_prefix(std::max<size_t>(1, character.num_bytes));
  }
  return shown;
}

TerminalGuard::TerminalGuard(std::ostream& stream, int fd) : stream_(stream) {
  if (isatty(fd) != 0) behind_ = stream_.rdbuf(this);
}

TerminalGuard::~TerminalGuard() {
  if (behind_ == nullptr) return;
  pass_on(pending_.size());
  behind_->pubsync();
  stream_.rdbuf(behind_);
}

TerminalGuard::int_type TerminalGuard::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
  const char one = traits_type::to_char_type(byte);
  return xsputn(&one, 1) == 1 ? byte : traits_type::eof();
}

std::streamsize TerminalGuard::xsputn(const char* bytes, std::streamsize count) {
  pending_.append(bytes, static_cast<size_t>(count));
  return pass_on(whole_bytes(pending_)) ? count : 0;
}

int TerminalGuard::sync() {
  return behind_->pubsync();
}

bool TerminalGuard::pass_on(size_t num_bytes) {
  const std::string shown = terminal_text(std::string_view(pending_).substr(0, num_bytes));
  pending_.erase(0, num_bytes);
  const auto size = static_cast<std::streamsize>(shown.size());
  return behind_->sputn(shown.data(), size) == size;
}

}  // namespace temper

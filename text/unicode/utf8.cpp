#include "text/unicode/utf8.h"

#include <cstring>

namespace temper {
namespace {

// The length of the well-formed sequence at bytes[position], or minus the length of the longest
// prefix of one (at least 1): what becomes a single U+FFFD.
int sequence_length(std::string_view bytes, size_t position) {
  const auto at = [&](size_t i) -> unsigned {
    return position + i < bytes.size() ? static_cast<unsigned char>(bytes[position + i]) : 0u;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return -1;
  const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range keeps out overlong forms, surrogates and what lies past U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < low || at(1) > high) return -1;
  for (int i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xBF) return -i;
  }
  return length;
}

}  // namespace

char32_t next_code_point(std::string_view text, size_t& position) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const char32_t lead = at(0);
  char32_t result = lead;
  size_t length = 1;
  if (lead >= 0xF0) {
    result = (lead & 0x07) << 18 | (at(1) & 0x3Fu) << 12 | (at(2) & 0x3Fu) << 6 | (at(3) & 0x3Fu);
    length = 4;
  } else if (lead >= 0xE0) {
    result = (lead & 0x0F) << 12 | (at(1) & 0x3Fu) << 6 | (at(2) & 0x3Fu);
    length = 3;
  } else if (lead >= 0x80) {
    result = (lead & 0x1F) << 6 | (at(1) & 0x3Fu);
    length = 2;
  }
  position += length;
  return result;
}

char32_t previous_code_point(std::string_view text, size_t& position) {
  do {
    --position;
  } while (is_utf8_continuation(text[position]));
  size_t start = position;
  return next_code_point(text, start);
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

size_t count_code_points(std::string_view text) {
  size_t count = 0;
  for (char c : text) count += !is_utf8_continuation(c);
  return count;
}

bool is_ascii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if (word & 0x8080808080808080u) return false;
  }
  for (; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
  }
  return true;
}

bool is_valid_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  for (size_t i = 0; i < text.size();) {
    const int length = sequence_length(text, i);
    if (length < 0) return false;
    i += static_cast<size_t>(length);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size() + 16);
  for (size_t i = 0; i < bytes.size();) {
    const int length = sequence_length(bytes, i);
    if (length > 0) {
      out.append(bytes.substr(i, static_cast<size_t>(length)));
      i += static_cast<size_t>(length);
    } else {
      append_utf8(out, 0xFFFD);
      i += static_cast<size_t>(-length);
    }
  }
  return out;
}

}  // namespace temper

// What Python's str knows about characters.
#pragma once

#include <string>
#include <string_view>

namespace temper {

bool is_python_space(char32_t c);  // str.isspace
bool is_printable(char32_t c);     // str.isprintable: what repr() does not escape
bool is_line_end(char32_t c);      // where str.splitlines splits
bool is_letter(char32_t c);        // str.isalpha
bool is_decimal(char32_t c);       // str.isdecimal
bool is_digit(char32_t c);         // str.isdigit
bool is_upper(char32_t c);
bool is_lower(char32_t c);

std::string python_upper(std::string_view text);
std::string python_lower(std::string_view text);
std::string python_capitalize(std::string_view text);
std::string python_title(std::string_view text);

// Without white space (or characters of `characters`) at the begin and end.
std::string_view strip_begin(std::string_view text, const std::string_view* characters = nullptr);
std::string_view strip_end(std::string_view text, const std::string_view* characters = nullptr);

// The place of `part` in `text` from `from` on, npos without one; linear in both.
size_t find_part(std::string_view text, std::string_view part, size_t from = 0);
// The last such place.
size_t find_last_part(std::string_view text, std::string_view part);

}  // namespace temper

// Signs that a text came to harm on its way: characters of one encoding read as another, an answer
// that stops in the middle of a sentence.
#pragma once

#include <cstdint>
#include <string_view>

namespace temper {

// Characters that look like UTF-8 read as Latin-1 or Windows-1252 ("Ã©" for "é", "â€™" for "’"),
// and replacement characters (U+FFFD). `text` is valid UTF-8.
int64_t count_mojibake(std::string_view text);

// Does a text of at least eight words stop where no sentence does: behind a comma, a hyphen, or a
// lower-case word that follows other words on its line, unless that is an item of a list? Headings
// do too, so this is a hint. `text` is valid UTF-8.
bool looks_cut_off(std::string_view text);

}  // namespace temper

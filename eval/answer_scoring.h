// How close an answer is to the expected one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace temper {

// Equal after the white space at both ends is taken off.
bool is_exact_match(std::string_view answer, std::string_view expected);

// Words as SQuAD's evaluation compares them: lower case, punctuation taken out, split at white
// space. Invalid UTF-8 counts as U+FFFD.
std::vector<std::string> scored_words(std::string_view text);

// F1 of the words that both have, counted with their repetitions; 1 when neither has any.
double word_f1(std::string_view answer, std::string_view expected);

}  // namespace temper

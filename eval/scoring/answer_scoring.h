// Scores how close an answer is to the expected one. Scores lie between 0 and 1. They equal those
// of the reference programs (tests/reference/compare_scores.py), but for context-dependent lower
// case (final sigma).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace temper {

// Equal after the white space at both ends is taken off.
bool is_exact_match(std::string_view answer, std::string_view expected);

// Words as SQuAD's evaluation compares them: lower case, ASCII punctuation and the articles a, an,
// the taken out, split at white space. Invalid UTF-8 counts as U+FFFD, here and below.
std::vector<std::string> scored_words(std::string_view text);

// SQuAD's F1 of the words that both have, counted with their repetitions; 1 when neither has any.
double word_f1(std::string_view answer, std::string_view expected);

// F-measure of the longest common subsequence of words (rouge-score's rougeL, without stemming):
// runs of ASCII letters and digits in lower case.
double rouge_l(std::string_view answer, std::string_view expected);

// Character n-grams of order 1 to 6 without white space, beta 2 (sacrebleu's chrF2, divided by
// 100).
double chrf(std::string_view answer, std::string_view expected);

// Tells whether it begins as English refusals do ("I'm sorry", "I cannot", "As an AI", ...).
bool is_refusal(std::string_view answer);

}  // namespace temper

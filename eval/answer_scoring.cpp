#include "eval/answer_scoring.h"

#include <map>

#include "text/unicode.h"
#include "text/utf8.h"

namespace temper {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

}  // namespace

bool is_exact_match(std::string_view answer, std::string_view expected) {
  return trimmed(answer) == trimmed(expected);
}

std::vector<std::string> scored_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const CharacterEdit& edit : lowercase_edits(replace_invalid_utf8(text))) {
    if (is_white_space(edit.character)) {
      end_word();
    } else if (!is_punctuation(edit.character)) {
      append_utf8(word, edit.character);
    }
  }
  end_word();
  return words;
}

double word_f1(std::string_view answer, std::string_view expected) {
  const std::vector<std::string> given = scored_words(answer), wanted = scored_words(expected);
  if (given.empty() || wanted.empty()) return given.empty() && wanted.empty() ? 1.0 : 0.0;
  std::map<std::string, int64_t> unmatched;
  for (const std::string& word : wanted) ++unmatched[word];
  int64_t num_common = 0;
  for (const std::string& word : given) {
    const auto found = unmatched.find(word);
    if (found == unmatched.end() || found->second == 0) continue;
    --found->second;
    ++num_common;
  }
  // The harmonic mean of common / given and common / wanted.
  return 2.0 * static_cast<double>(num_common) / static_cast<double>(given.size() + wanted.size());
}

}  // namespace temper

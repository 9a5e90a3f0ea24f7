// The splitters of the common byte-level vocabularies, written by hand: a word's end in a fraction
// of the time that their regular expressions take.
// tests/unit/text/tokenizer/pre/word_splitter_test.cpp holds them against those expressions.
#pragma once

#include <cstddef>
#include <string_view>

namespace temper {

// The end of the word that starts at `begin` < text.size() of valid UTF-8. Words follow one another
// without a gap. It looks ahead no further than the next word's end, whatever the text.
using WordEnd = size_t (*)(std::string_view text, size_t begin);

// GPT-2's own, which ByteLevel uses (Phi-2 and many others).
extern const std::string_view kGpt2Expression;
extern const std::string_view kLlama3Expression;
extern const std::string_view kQwenExpression;
extern const std::string_view kO200kExpression;
// tiktoken's for cl100k_base, since 2024: white space at the end of a text is one word.
extern const std::string_view kCl100kExpression;

// The splitter that does what this expression, in Oniguruma's syntax, does; null for one that is
// not known. Known are those above and of Mistral's Tekken.
WordEnd find_word_splitter(std::string_view expression);

}  // namespace temper

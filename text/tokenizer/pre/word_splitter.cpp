#include "text/tokenizer/pre/word_splitter.h"

#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using Class = CharacterClass;

// The character at a place of the text and what it is.
struct Character {
  size_t end;
  uint8_t classes;  // 0 at the end of the text
  bool is(uint8_t any_of) const { return (classes & any_of) != 0; }
};

inline Character character_at(std::string_view text, size_t position) {
  if (position >= text.size()) return {position, 0};
  const auto lead = static_cast<unsigned char>(text[position]);
  if (lead < 0x80) return {position + 1, ascii_classes(lead)};
  size_t end = position;
  const char32_t c = next_code_point(text, end);
  return {end, character_classes(c)};
}

// The end of the run of characters from `position` on that are of one of the classes.
inline size_t run_end(std::string_view text, size_t position, uint8_t any_of) {
  for (Character c = character_at(text, position); c.is(any_of); c = character_at(text, position)) {
    position = c.end;
  }
  return position;
}

// 's 't 're 've 'm 'll 'd, with `any_case` also 'S and so on: its end, or `begin` for none.
template <bool kAnyCase>
size_t contraction_end(std::string_view text, size_t begin) {
  const auto at = [&](size_t ahead) -> char {
    if (begin + ahead >= text.size()) return '\0';
    const char c = text[begin + ahead];
    return kAnyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  if (at(0) != '\'') return begin;
  const char first = at(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return begin + 2;
  const char second = at(2);
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l')) {
    return begin + 3;
  }
  // The long s is an s where case is ignored.
  if (kAnyCase && text.substr(begin + 1).starts_with("\u017f")) return begin + 3;
  return begin;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ at a space: up to the last newline of the run, or, without one, all but
// the last character when a word follows. `kNewlines` is false for GPT-2, which lacks the first.
template <bool kNewlines>
size_t space_end(std::string_view text, size_t begin) {
  size_t newlines_end = begin;
  size_t last = begin;
  size_t end = begin;
  for (Character c = character_at(text, begin); c.is(Class::kSpace); c = character_at(text, end)) {
    last = end;
    end = c.end;
    if (c.is(Class::kNewline)) newlines_end = end;
  }
  if (kNewlines && newlines_end > begin) return newlines_end;
  return end == text.size() || last == begin ? end : last;
}

// Counts numbers from `begin` on, at most `kMax`.
template <int kMax>
size_t number_end(std::string_view text, size_t begin) {
  size_t end = begin;
  for (int i = 0; i < kMax; ++i) {
    const Character c = character_at(text, end);
    if (!c.is(Class::kNumber)) break;
    end = c.end;
  }
  return end;
}

constexpr uint8_t kNotOther = Class::kSpace | Class::kLetter | Class::kNumber;

// Everything that is no space, letter or number.
inline bool is_other(const Character& c) {
  return c.classes != 0 && !c.is(kNotOther);
}

inline size_t other_end(std::string_view text, size_t position) {
  for (Character c = character_at(text, position); is_other(c); c = character_at(text, position)) {
    position = c.end;
  }
  return position;
}

size_t gpt2_word_end(std::string_view text, size_t begin) {
  const Character first = character_at(text, begin);
  if (text[begin] == '\'') {
    const size_t end = contraction_end<false>(text, begin);
    if (end > begin) return end;
  }
  const Character start = text[begin] == ' ' ? character_at(text, first.end) : first;
  if (start.is(Class::kLetter)) return run_end(text, start.end, Class::kLetter);
  if (start.is(Class::kNumber)) return run_end(text, start.end, Class::kNumber);
  if (is_other(start)) return other_end(text, start.end);
  return space_end<false>(text, begin);
}

//  ?[^\s\p{L}\p{N}]+[\r\n]*, where `kSlash` adds / to what may follow; `begin` when there is none.
template <bool kSlash>
size_t punctuation_end(std::string_view text, size_t begin, const Character& first) {
  const Character start = text[begin] == ' ' ? character_at(text, first.end) : first;
  if (!is_other(start)) return begin;
  size_t end = other_end(text, start.end);
  while (end < text.size() &&
         (text[end] == '\r' || text[end] == '\n' || (kSlash && text[end] == '/'))) {
    ++end;
  }
  return end;
}

template <int kMaxDigits, bool kWholeAtEnd = false>
size_t cl100k_word_end(std::string_view text, size_t begin) {
  const Character first = character_at(text, begin);
  if (first.is(Class::kLetter)) return run_end(text, first.end, Class::kLetter);
  if (first.is(Class::kNumber)) return number_end<kMaxDigits>(text, begin);
  if (text[begin] == '\'') {
    const size_t end = contraction_end<true>(text, begin);
    if (end > begin) return end;
  }
  if (!first.is(Class::kNewline)) {
    const Character second = character_at(text, first.end);
    if (second.is(Class::kLetter)) return run_end(text, second.end, Class::kLetter);
  }
  const size_t end = punctuation_end<false>(text, begin, first);
  if (end > begin) return end;
  if (kWholeAtEnd && run_end(text, begin, Class::kSpace) == text.size()) return text.size();
  return space_end<true>(text, begin);
}

// [upper]*[lower]+ from `begin` on, where letters without case are both; `begin` for no match.
size_t cased_end(std::string_view text, size_t begin) {
  size_t both_end = begin;  // behind the last character of the upper run that is lower, too
  size_t end = begin;
  Character c = character_at(text, end);
  for (; c.is(Class::kUpper); c = character_at(text, end)) {
    end = c.end;
    if (c.is(Class::kLower)) both_end = end;
  }
  return c.is(Class::kLower) ? run_end(text, c.end, Class::kLower) : both_end;
}

template <bool kContractions, int kMaxDigits>
size_t o200k_word_end(std::string_view text, size_t begin) {
  const auto with_contraction = [&](size_t end) {
    return kContractions ? contraction_end<true>(text, end) : end;
  };
  const Character first = character_at(text, begin);
  const bool may_lead = !first.is(Class::kNewline | Class::kLetter | Class::kNumber);
  if (may_lead) {
    const size_t end = cased_end(text, first.end);
    if (end > first.end) return with_contraction(end);
  }
  if (const size_t end = cased_end(text, begin); end > begin) return with_contraction(end);
  const size_t upper_begin = may_lead ? first.end : begin;
  const size_t upper_end = run_end(text, upper_begin, Class::kUpper);
  if (upper_end > upper_begin) return with_contraction(upper_end);
  if (first.is(Class::kNumber)) return number_end<kMaxDigits>(text, begin);
  const size_t end = punctuation_end<true>(text, begin, first);
  return end > begin ? end : space_end<true>(text, begin);
}

struct Known {
  std::string_view expression;
  WordEnd word_end;
};

constexpr Known kKnown[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     gpt2_word_end},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     cl100k_word_end<3>},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     cl100k_word_end<1>},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     o200k_word_end<true, 3>},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     o200k_word_end<false, 1>},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+)",
     cl100k_word_end<3, true>},
};

}  // namespace

const std::string_view kGpt2Expression = kKnown[0].expression;
const std::string_view kLlama3Expression = kKnown[1].expression;
const std::string_view kQwenExpression = kKnown[2].expression;
const std::string_view kO200kExpression = kKnown[3].expression;
const std::string_view kCl100kExpression = kKnown[5].expression;

WordEnd find_word_splitter(std::string_view expression) {
  for (const Known& known : kKnown) {
    if (known.expression == expression) return known.word_end;
  }
  return nullptr;
}

}  // namespace temper

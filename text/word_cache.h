// Remembers the tokens of words: text repeats itself, and most words are seen many times.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

// A token of a word and how many of the word's bytes it covers.
struct WordToken {
  int32_t id;
  uint32_t num_bytes;
};

// For one thread at a time. When it is full it starts over.
class WordCache {
 public:
  WordCache();

  // The tokens of the word, or nothing. Valid until the next insert().
  std::span<const WordToken> find(std::string_view word, uint64_t hash) const;
  // A word that find() did not have. Long words are not kept.
  void insert(std::string_view word, uint64_t hash, std::span<const WordToken> tokens);

  static uint64_t hash(std::string_view word);

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t word_begin = 0;
    uint32_t word_bytes = 0;  // 0: the slot is free
    uint32_t tokens_begin = 0;
    uint32_t num_tokens = 0;
  };
  void clear();

  std::vector<Slot> slots_;
  size_t num_words_ = 0;
  std::string words_;
  std::vector<WordToken> tokens_;
};

}  // namespace temper

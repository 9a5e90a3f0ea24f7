// Remembers the tokens of words: text repeats itself, and most words are seen many times.
#pragma once

#include <cstddef>
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

// Short words of few tokens: one cache line each, and a newcomer takes the place of what was there.
// For one thread at a time.
class ShortWordCache {
 public:
  static constexpr size_t kMaxWordBytes = 16;
  static constexpr size_t kMaxTokens = 5;

  ShortWordCache();

  // A word as two numbers. `has_room`: at least 16 bytes may be read from where the word begins.
  struct Key {
    uint64_t low;
    uint64_t high;
  };
  static Key key_of(std::string_view word, bool has_room);

  // The tokens of a word of 1 to 16 bytes, or nothing. Valid until the next insert().
  std::span<const WordToken> find(Key key, size_t word_bytes) const;
  void insert(Key key, size_t word_bytes, std::span<const WordToken> tokens);

 private:
  struct alignas(64) Slot {
    Key key;
    uint32_t word_bytes;  // 0: the slot is free
    uint32_t num_tokens;
    WordToken tokens[kMaxTokens];
  };
  static size_t place_of(Key key);
  std::vector<Slot> slots_;
};

// Words up to 128 bytes. When it is full it starts over. For one thread at a time.
class WordCache {
 public:
  WordCache();

  // The tokens of the word, or nothing. Valid until the next insert().
  std::span<const WordToken> find(std::string_view word, uint64_t hash) const;
  // A word that find() did not have. Long words are not kept.
  void insert(std::string_view word, uint64_t hash, std::span<const WordToken> tokens);

  static bool keeps(std::string_view word);
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

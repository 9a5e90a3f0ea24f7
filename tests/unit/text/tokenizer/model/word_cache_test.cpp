#include "text/tokenizer/model/word_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace temper {
namespace {

// More words than it keeps, so that it starts over a few times.
TEST(WordCache, what_it_remembers_is_right) {
  WordCache cache;
  const auto word = [](int i) { return "word" + std::to_string(i); };
  int num_found = 0;
  for (int i = 0; i < 200000; ++i) {
    const WordToken tokens[] = {{i, 4}, {-i, 1}};
    cache.insert(word(i), WordCache::hash(word(i)), tokens);
    const int earlier = i / 2;
    const auto found = cache.find(word(earlier), WordCache::hash(word(earlier)));
    if (found.empty()) continue;
    ++num_found;
    ASSERT_EQ(found.size(), 2u);
    ASSERT_EQ(found[0].id, earlier);
  }
  EXPECT_GT(num_found, 10000);
}

TEST(WordCache, equal_hashes_are_told_apart) {
  WordCache cache;
  const WordToken a{1, 1}, b{2, 1};
  cache.insert("a", 7, std::span(&a, 1));
  cache.insert("b", 7, std::span(&b, 1));
  EXPECT_EQ(cache.find("a", 7)[0].id, 1);
  EXPECT_EQ(cache.find("b", 7)[0].id, 2);
  EXPECT_TRUE(cache.find("c", 7).empty());
}

TEST(WordCache, long_words_are_not_kept) {
  WordCache cache;
  const std::string word(1000, 'x');
  const WordToken token{1, 1000};
  cache.insert(word, WordCache::hash(word), std::span(&token, 1));
  EXPECT_TRUE(cache.find(word, WordCache::hash(word)).empty());
}

TEST(ShortWordCache, tells_words_apart_that_differ_only_in_length_or_beyond_eight_bytes) {
  const std::string text("ab\0cdefghijklmnop", 17);
  ShortWordCache cache;
  for (uint32_t size = 1; size <= ShortWordCache::kMaxWordBytes; ++size) {
    const std::string_view word = std::string_view(text).substr(0, size);
    const auto key = ShortWordCache::key_of(word, true);
    const auto exact = ShortWordCache::key_of(std::string(word), false);
    EXPECT_EQ(key.low, exact.low);
    EXPECT_EQ(key.high, exact.high);
    EXPECT_TRUE(cache.find(key, size).empty());
    const WordToken token{static_cast<int32_t>(size), size};
    cache.insert(key, size, {&token, 1});
    ASSERT_EQ(cache.find(key, size).size(), 1u);
    EXPECT_EQ(cache.find(key, size)[0].id, static_cast<int32_t>(size));
  }
  const std::vector<WordToken> many(ShortWordCache::kMaxTokens + 1, WordToken{1, 1});
  const auto key = ShortWordCache::key_of("other", false);
  cache.insert(key, 5, many);
  EXPECT_TRUE(cache.find(key, 5).empty());
}

}  // namespace
}  // namespace temper

#include "text/word_cache.h"

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

}  // namespace
}  // namespace temper

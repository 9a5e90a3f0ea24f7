#include "data/synthetic/canaries.h"

#include <gtest/gtest.h>

#include <set>

#include "common/error.h"

namespace temper {
namespace {

TEST(Canaries, depend_on_their_seed_alone) {
  const std::vector<Canary> canaries = make_canaries(20, 5);
  std::set<std::string> completions;
  for (const Canary& canary : canaries) completions.insert(canary.completion);
  EXPECT_EQ(completions.size(), 20u);
  EXPECT_EQ(make_canaries(3, 5)[2].completion, canaries[2].completion);
  EXPECT_NE(make_canaries(3, 6)[2].completion, canaries[2].completion);
  EXPECT_THROW(make_canaries(0, 1), UserError);
}

TEST(Canaries, alternatives_differ_in_their_digits_only) {
  const std::string completion = make_canaries(1, 1)[0].completion;
  std::set<std::string> alternatives = {completion};
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string other = alternative_of(completion, i);
    ASSERT_EQ(other.size(), completion.size());
    for (size_t c = 0; c < other.size(); ++c) {
      const bool is_digit = completion[c] >= '0' && completion[c] <= '9';
      EXPECT_TRUE(is_digit || other[c] == completion[c]);
    }
    alternatives.insert(other);
  }
  EXPECT_EQ(alternatives.size(), 201u);
  EXPECT_THROW(alternative_of("number 12345", 0), UserError);
}

}  // namespace
}  // namespace temper

#include "eval/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "common/error.h"

namespace temper {
namespace {

// Probabilities 1/2, 1/4, 1/8, 1/8 of ids 2, 0, 1, 3.
const std::vector<float> kLogits = {std::log(0.25f), std::log(0.125f), std::log(0.5f),
                                    std::log(0.125f)};

std::map<int64_t, int> counts(const SamplingOptions& options, int num_draws) {
  std::map<int64_t, int> counts;
  for (int i = 0; i < num_draws; ++i) ++counts[choose_token(kLogits, options, i)];
  return counts;
}

TEST(ChooseToken, without_temperature_takes_the_likeliest) {
  EXPECT_EQ(choose_token(kLogits, {}, 0), 2);
  EXPECT_EQ(choose_token(std::vector<float>{1.0f, 3.0f, 3.0f}, {}, 5), 1) << "the lower id of two";
  SamplingOptions narrow;
  narrow.temperature = 1.0;
  narrow.top_k = 1;
  EXPECT_EQ(counts(narrow, 50), (std::map<int64_t, int>{{2, 50}}));
}

TEST(ChooseToken, finds_the_likeliest_anywhere_in_a_vocabulary) {
  for (size_t at = 0; at < 53; ++at) {
    std::vector<float> logits(53, -2.0f);
    logits[at] = -1.0f;
    logits.back() = -1.0f;
    EXPECT_EQ(choose_token(logits, {}, 0), static_cast<int64_t>(at));
  }
}

TEST(ChooseToken, draws_with_the_probabilities_of_the_logits) {
  SamplingOptions options;
  options.temperature = 1.0;
  auto seen = counts(options, 8000);
  EXPECT_NEAR(seen[2], 4000, 200);
  EXPECT_NEAR(seen[0], 2000, 200);
  EXPECT_NEAR(seen[1], 1000, 150);
  EXPECT_NEAR(seen[3], 1000, 150);
}

TEST(ChooseToken, temperature_sharpens_and_flattens) {
  SamplingOptions options;
  options.temperature = 0.5;  // probabilities squared: 16, 4, 1, 1 of 22
  EXPECT_NEAR(counts(options, 8000)[2], 8000 * 16 / 22.0, 250);
  options.temperature = 100.0;
  EXPECT_NEAR(counts(options, 8000)[3], 2000, 250);
}

TEST(ChooseToken, top_k_and_top_p_cut_the_tail) {
  SamplingOptions options;
  options.temperature = 1.0;
  options.top_k = 2;
  EXPECT_EQ(counts(options, 3000).size(), 2u);
  options.top_k = 0;
  options.top_p = 0.5;
  EXPECT_EQ(counts(options, 3000).size(), 1u);
  options.top_p = 0.6;
  EXPECT_EQ(counts(options, 3000).size(), 2u);
  // Of 1 and 3, which are as likely, the lower id stays.
  options.top_p = 0.8;
  EXPECT_EQ(counts(options, 3000).count(3), 0u);
  EXPECT_EQ(counts(options, 3000).count(1), 1u);
}

TEST(ChooseToken, is_a_function_of_seed_and_index) {
  SamplingOptions options;
  options.temperature = 1.0;
  options.seed = 1;
  std::vector<int64_t> first, again, other;
  for (int i = 0; i < 64; ++i) {
    first.push_back(choose_token(kLogits, options, i));
    again.push_back(choose_token(kLogits, options, i));
  }
  options.seed = 2;
  for (int i = 0; i < 64; ++i) other.push_back(choose_token(kLogits, options, i));
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

TEST(ChooseToken, refuses_what_is_not_a_number) {
  EXPECT_THROW(choose_token(std::vector<float>{0.0f, NAN}, {}, 0), SystemError);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(choose_token(std::vector<float>{-infinity, 0.0f}, {}, 0), 1);
}

TEST(CheckSamplingOptions, names_the_bad_one) {
  EXPECT_NO_THROW(check_sampling_options({}));
  EXPECT_THROW(check_sampling_options({.temperature = -1.0}), UserError);
  EXPECT_THROW(check_sampling_options({.temperature = NAN}), UserError);
  EXPECT_THROW(check_sampling_options({.top_k = -1}), UserError);
  EXPECT_THROW(check_sampling_options({.top_p = 0.0}), UserError);
  EXPECT_THROW(check_sampling_options({.top_p = 1.5}), UserError);
}

}  // namespace
}  // namespace temper

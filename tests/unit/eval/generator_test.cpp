#include "eval/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "eval/model_loader.h"
#include "export/probe.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<int64_t> kPrompt = {256, 72, 101, 108, 108, 111};

class GeneratorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new TinyRun({false, true});
    loader_ = new ModelLoader({.path = world_->run()});
    model_ = new ResidentModel(loader_->load());
  }
  static void TearDownTestSuite() {
    delete model_;
    delete loader_;
    delete world_;
  }

  static Generator generator(StopConditions stop = {}) {
    return Generator(*model_, loader_->tokenizer(), std::move(stop));
  }
  static GenerationOptions sampled(uint64_t seed) {
    GenerationOptions options;
    options.max_new_tokens = 24;
    options.sampling.temperature = 1.0;
    options.sampling.seed = seed;
    return options;
  }
  static GenerationOptions greedy(int64_t max_new_tokens) {
    GenerationOptions options;
    options.max_new_tokens = max_new_tokens;
    return options;
  }

  static inline TinyRun* world_ = nullptr;
  static inline ModelLoader* loader_ = nullptr;
  static inline ResidentModel* model_ = nullptr;
};

TEST_F(GeneratorTest, greedy_is_what_the_whole_forward_pass_says) {
  std::vector<int64_t> ids = kPrompt;
  const Generation generation = generator().generate(kPrompt, greedy(12));
  ASSERT_THAT(generation.ids, SizeIs(12));
  for (const int64_t id : generation.ids) {
    ASSERT_EQ(id, model_->logits(make_prompt_batch({ids})).select(0, -1).argmax().item<int64_t>())
        << "at token " << ids.size();
    ids.push_back(id);
  }
  EXPECT_FALSE(generation.stopped);
}

TEST_F(GeneratorTest, sampling_depends_on_the_seed_alone) {
  const Generation first = generator().generate(kPrompt, sampled(1));
  EXPECT_EQ(first.ids, generator().generate(kPrompt, sampled(1)).ids);
  EXPECT_NE(first.ids, generator().generate(kPrompt, sampled(2)).ids);
  // A longer answer begins like a shorter one.
  GenerationOptions shorter = sampled(1);
  shorter.max_new_tokens = 7;
  EXPECT_EQ(generator().generate(kPrompt, shorter).ids,
            std::vector<int64_t>(first.ids.begin(), first.ids.begin() + 7));
}

TEST_F(GeneratorTest, ends_before_a_stop_token) {
  const Generation all = generator().generate(kPrompt, sampled(3));
  const int64_t stop_id = all.ids[5];
  const auto first = std::find(all.ids.begin(), all.ids.end(), stop_id);
  const Generation stopped = generator({{stop_id}, ""}).generate(kPrompt, sampled(3));
  EXPECT_TRUE(stopped.stopped);
  EXPECT_EQ(stopped.ids, std::vector<int64_t>(all.ids.begin(), first));
}

TEST_F(GeneratorTest, ends_where_the_marker_begins_and_never_shows_its_beginning) {
  // Ids below 128 are ASCII characters; find an answer with two of them in a row.
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Generation all = generator().generate(kPrompt, sampled(seed));
    const auto is_letter = [](int64_t id) { return id >= 33 && id < 127; };
    for (size_t i = 1; i + 2 < all.ids.size(); ++i) {
      if (!is_letter(all.ids[i]) || !is_letter(all.ids[i + 1])) continue;
      const std::string marker = {static_cast<char>(all.ids[i]), static_cast<char>(all.ids[i + 1])};
      if (all.text.find(marker) == all.text.npos) continue;
      std::string streamed;
      const Generation stopped =
          generator({{}, marker}).generate(kPrompt, sampled(seed), [&](std::string_view fresh) {
            streamed += fresh;
          });
      EXPECT_TRUE(stopped.stopped);
      EXPECT_EQ(stopped.text, all.text.substr(0, all.text.find(marker)));
      EXPECT_EQ(streamed, stopped.text);
      return;
    }
  }
  FAIL() << "no answer with a marker in it was drawn";
}

TEST_F(GeneratorTest, prompts_of_any_length_come_to_what_they_come_to_alone) {
  std::vector<std::vector<int64_t>> prompts;
  for (const int64_t length : {1, 2, 1, 30, 90, 60, 128, 129, 5, 200, 3, 1}) {
    std::vector<int64_t> prompt;
    for (int64_t t = 0; t < length; ++t) prompt.push_back((7 * t + length) % 200);
    prompts.push_back(prompt);
  }
  size_t num_ended = 0;
  const auto together =
      generator().generate_all(prompts, sampled(5), [&num_ended] { ++num_ended; });
  EXPECT_EQ(num_ended, prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(together[i].ids, generator().generate(prompts[i], sampled(5)).ids) << i;
  }
}

TEST_F(GeneratorTest, streams_the_text_that_it_returns) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    std::string streamed;
    const Generation generation =
        generator({{}, "<|end|>"}).generate(kPrompt, sampled(seed), [&](std::string_view fresh) {
          streamed += fresh;
        });
    EXPECT_EQ(streamed, generation.text);
    std::vector<int32_t> ids(generation.ids.begin(), generation.ids.end());
    EXPECT_EQ(generation.text, loader_->tokenizer().decode(ids));
  }
}

TEST_F(GeneratorTest, ends_with_the_models_positions) {
  std::vector<int64_t> prompt(250, 65);
  const Generation generation = generator().generate(prompt, greedy(100));
  EXPECT_THAT(generation.ids, SizeIs(6)) << "max_position_embeddings is 256";
  EXPECT_FALSE(generation.stopped);
}

TEST_F(GeneratorTest, refuses_prompts_it_cannot_continue) {
  EXPECT_THROW(generator().generate({}, greedy(1)), UserError);
  EXPECT_THROW(generator().generate({264}, greedy(1)), UserError);
  EXPECT_THROW(generator().generate({-1}, greedy(1)), UserError);
  EXPECT_THROW(generator().generate(std::vector<int64_t>(256, 65), greedy(1)), UserError);
}

}  // namespace
}  // namespace temper

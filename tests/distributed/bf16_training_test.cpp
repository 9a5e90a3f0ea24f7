// Training in bf16 with fp32 master weights, on the CPU: the way of GPUs, but for the kernels.
#include <gtest/gtest.h>

#include "comm/local/local_process_group.h"
#include "tests/distributed/decoder_training.h"
#include "tests/distributed/world.h"

namespace temper {
namespace {

void expect_same_bits(const DecoderOutcome& actual, const DecoderOutcome& expected) {
  EXPECT_EQ(actual.losses, expected.losses);
  EXPECT_EQ(actual.norms, expected.norms);
  ASSERT_EQ(actual.weights.size(), expected.weights.size());
  for (const auto& [name, value] : expected.weights) {
    EXPECT_TRUE(at::equal(actual.weights.at(name).view(at::kInt), value.view(at::kInt))) << name;
  }
}

const ComputeDevice kBf16{at::kCPU, at::kBFloat16};

std::vector<std::pair<std::string, ShardingOptions>> placements() {
  std::vector<std::pair<std::string, ShardingOptions>> list = {{"default", {}}};
  const auto add = [&](const char* name, auto&& change) {
    list.emplace_back(name, ShardingOptions());
    change(list.back().second);
  };
  add("messages", [](ShardingOptions& o) { o.share_memory = false; });
  add("kept whole", [](ShardingOptions& o) { o.reshard_after_forward = false; });
  add("frozen sharded", [](ShardingOptions& o) { o.frozen_placement = Placement::kSharded; });
  add("checkpointed", [](ShardingOptions& o) { o.checkpoint_every = 1; });
  return list;
}

TEST(Bf16Training, HasTheSameBitsOnAnyRanksAndPlacement) {
  for (const bool with_adapter : {false, true}) {
    const auto alone = make_local_process_group();
    const DecoderOutcome expected = train_decoder(*alone, {}, kBf16, with_adapter);
    for (const auto& [name, options] : placements()) {
      SCOPED_TRACE(name + (with_adapter ? ", adapter" : ", full"));
      const auto group = world().split(0, world().rank());
      expect_same_bits(train_decoder(*group, options, kBf16, with_adapter), expected);
    }
  }
}

// The master weights move by less than bf16 can tell, and the losses are those of fp32 but for
// rounding.
TEST(Bf16Training, LearnsWhatFp32Learns) {
  for (const bool with_adapter : {false, true}) {
    const auto group = world().split(0, world().rank());
    const DecoderOutcome narrow = train_decoder(*group, {}, kBf16, with_adapter);
    const DecoderOutcome wide = train_decoder(*group, {}, {}, with_adapter);
    for (size_t step = 0; step < wide.losses.size(); ++step) {
      EXPECT_NEAR(narrow.losses[step] / wide.losses[step], 1.0, 0.01) << step;
      EXPECT_NEAR(narrow.norms[step] / wide.norms[step], 1.0, 0.05) << step;
    }
    EXPECT_NE(narrow.losses, wide.losses);
    EXPECT_LT(narrow.losses.back(), narrow.losses.front());
    bool between = false;  // values that bf16 does not have
    for (const auto& [name, value] : narrow.weights) {
      between = between || !at::equal(value, value.to(at::kBFloat16).to(at::kFloat));
    }
    EXPECT_TRUE(between);
  }
}

TEST(Bf16Training, MemoryIsCountedByType) {
  const auto group = world().split(0, world().rank());
  ModelConfig config = small_config();
  const LoraConfig lora = small_lora({"q_proj"});
  const auto use_of = [&](at::ScalarType type) {
    ShardingOptions options;
    options.frozen_placement = Placement::kReplicated;
    return ShardedModel(make_decoder(config, &lora, Training::kLora), *group, options,
                        {at::kCPU, type})
        .memory_use();
  };
  const auto narrow = use_of(at::kBFloat16), wide = use_of(at::kFloat);
  EXPECT_EQ(narrow.frozen_bytes * 2, wide.frozen_bytes);
  EXPECT_EQ(narrow.gradient_bytes, wide.gradient_bytes);
  EXPECT_EQ(narrow.optimizer_bytes, wide.optimizer_bytes);
}

}  // namespace
}  // namespace temper

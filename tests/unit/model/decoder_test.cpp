#include "model/decoder.h"

#include <gtest/gtest.h>

#include "arch/parameters.h"
#include "common/error.h"
#include "model/hf_weights.h"
#include "model/resident_model.h"
#include "tests/unit/kernels/tensors.h"
#include "tests/unit/model/batches.h"
#include "tests/unit/model/configs.h"
#include "tests/unit/model/reference_decoder.h"

namespace temper {
namespace {

// Everything random: norms, biases and adapters too, so that no term of a gradient is trivial.
class RandomWeights : public WeightSource {
 public:
  bool contains(const std::string&) const override { return true; }
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override {
    const at::Tensor all = tensor(name, shape);
    std::copy_n(all.const_data_ptr<float>() + begin, end - begin, out);
  }
  static at::Tensor tensor(const std::string& name, const std::vector<int64_t>& shape) {
    return random_tensor(shape, hash_text(name).low) * 0.3 + (shape.size() == 1 ? 0.7 : 0.0);
  }
};

std::map<std::string, at::Tensor> leaves(const ModelConfig& config,
                                         const std::optional<LoraConfig>& lora) {
  std::map<std::string, at::Tensor> result;
  for (const auto& p : base_parameters(config)) {
    result[p.name] =
        RandomWeights::tensor(p.name, p.shape).requires_grad_(!lora || lora->saves(p.name));
  }
  if (!lora) return result;
  for (const auto& p : lora_parameters(config, *lora)) {
    result[p.name] = leaf(RandomWeights::tensor(p.name, p.shape));
  }
  return result;
}

void expect_agreement(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                      const Batch& batch) {
  const ResidentModel model(config, lora, lora ? Training::kLora : Training::kFull,
                            RandomWeights());
  const auto weights = leaves(config, lora);
  const ReferenceDecoder reference(config, lora, weights);
  const at::Tensor expected = reference.loss_sum(batch);
  expected.backward();

  EXPECT_LT(relative_error(model.logits(batch), reference.logits(batch)), 1e-5);
  std::map<std::string, at::Tensor> gradients;
  const double loss = model.loss_and_gradients(batch, gradients);
  EXPECT_NEAR(loss, expected.item<double>(), 1e-5 * expected.item<double>());
  size_t num_trained = 0;
  for (const auto& [name, weight] : weights) {
    if (!weight.requires_grad()) continue;
    ++num_trained;
    ASSERT_TRUE(gradients.count(name)) << name;
    EXPECT_LT(relative_error(gradients.at(name), weight.grad()), 3e-5) << name;
  }
  EXPECT_EQ(gradients.size(), num_trained);
}

class Decoder : public testing::TestWithParam<NamedConfig> {};

TEST_P(Decoder, full_training_agrees_with_autograd) {
  const ModelConfig& config = GetParam().config;
  expect_agreement(config, std::nullopt, random_batch(config.vocab_size, {0, 1, 24, 25, 60}));
}

TEST_P(Decoder, adapters_agree_with_autograd) {
  const ModelConfig& config = GetParam().config;
  const Batch batch = random_batch(config.vocab_size, {0, 1, 24, 25, 60});
  LoraConfig all = small_lora({"all-linear"});
  resolve_lora_targets(all, config);
  expect_agreement(config, all, batch);
  expect_agreement(config, small_lora({"q_proj", "v_proj"}), batch);
  expect_agreement(config, small_lora({"down_proj"}), batch);
}

TEST_P(Decoder, modules_to_save_agree_with_autograd) {
  const ModelConfig& config = GetParam().config;
  const Batch batch = random_batch(config.vocab_size, {0, 1, 24, 25, 60});
  LoraConfig lora = small_lora({"layers.1.mlp.down_proj"});
  lora.modules_to_save = {"embed_tokens", "lm_head"};
  expect_agreement(config, lora, batch);
  if (config.tie_word_embeddings) return;
  lora.modules_to_save = {"lm_head"};
  expect_agreement(config, lora, batch);
}

TEST_P(Decoder, adapters_with_dropout_agree_with_autograd) {
  const ModelConfig& config = GetParam().config;
  Batch batch = random_batch(config.vocab_size, {0, 24, 60});
  batch.training = true;
  batch.seed = 5;
  batch.step = 3;
  batch.micro_batch = 2;
  LoraConfig all = small_lora({"all-linear"}, 0.25);
  resolve_lora_targets(all, config);
  expect_agreement(config, all, batch);
}

TEST_P(Decoder, one_token_has_logits_and_no_loss) {
  const ModelConfig& config = GetParam().config;
  const ResidentModel model(config, std::nullopt, Training::kFull, RandomWeights());
  const ReferenceDecoder reference(config, std::nullopt, leaves(config, std::nullopt));
  const Batch batch = random_batch(config.vocab_size, {0, 1});
  EXPECT_LT(relative_error(model.logits(batch), reference.logits(batch)), 1e-5);
  std::map<std::string, at::Tensor> gradients;
  EXPECT_EQ(model.loss_and_gradients(batch, gradients), 0.0);
  for (const auto& [name, gradient] : gradients) {
    EXPECT_EQ(gradient.abs().max().item<float>(), 0.0f) << name;
  }
}

TEST_P(Decoder, every_token_supervised_agrees_with_autograd) {
  const ModelConfig& config = GetParam().config;
  Batch batch = random_batch(config.vocab_size, {0, 13, 30});
  batch.targets = batch.tokens.roll(-1);
  batch.num_targets = 30;
  expect_agreement(config, std::nullopt, batch);
}

TEST_P(Decoder, a_document_does_not_see_another) {
  const ModelConfig& config = GetParam().config;
  const ResidentModel model(config, std::nullopt, Training::kNone, RandomWeights());
  Batch batch = random_batch(config.vocab_size, {0, 31, 60});
  const at::Tensor before = model.logits(batch);
  batch.tokens = batch.tokens.clone();
  batch.tokens.slice(0, 0, 31).add_(1).remainder_(config.vocab_size);
  const at::Tensor after = model.logits(batch);
  EXPECT_FALSE(same_bits(before.slice(0, 0, 31), after.slice(0, 0, 31)));
  EXPECT_TRUE(same_bits(before.slice(0, 31), after.slice(0, 31)));
}

TEST_P(Decoder, a_token_does_not_see_later_ones) {
  const ModelConfig& config = GetParam().config;
  const ResidentModel model(config, std::nullopt, Training::kNone, RandomWeights());
  Batch batch = random_batch(config.vocab_size, {0, 40});
  const at::Tensor before = model.logits(batch);
  batch.tokens = batch.tokens.clone();
  batch.tokens.slice(0, 25).add_(1).remainder_(config.vocab_size);
  EXPECT_TRUE(same_bits(model.logits(batch).slice(0, 0, 25), before.slice(0, 0, 25)));
}

TEST_P(Decoder, decoding_with_a_cache_equals_the_whole) {
  const ModelConfig& config = GetParam().config;
  LoraConfig lora = small_lora({"q_proj", "up_proj"});
  const ResidentModel model(config, lora, Training::kNone, RandomWeights());
  const Batch batch = random_batch(config.vocab_size, {0, 45});
  const at::Tensor expected = model.logits(batch);
  std::vector<int64_t> tokens(batch.tokens.const_data_ptr<int64_t>(),
                              batch.tokens.const_data_ptr<int64_t>() + 45);
  KvCache cache = model.make_cache(2, 45);
  const auto part = [&](int64_t begin, int64_t end) {
    return std::vector<int64_t>(tokens.begin() + begin, tokens.begin() + end);
  };
  // The same text twice, the second sequence behind the first: each sees itself alone.
  const at::Tensor prompts = model.decode({{0, part(0, 20)}, {1, part(0, 7)}}, cache);
  EXPECT_LT(relative_error(prompts[0], expected[19]), 1e-5);
  EXPECT_LT(relative_error(prompts[1], expected[6]), 1e-5);
  for (int64_t t = 20; t < 40; ++t) {
    const at::Tensor next = model.decode({{1, {tokens[t - 13]}}, {0, {tokens[t]}}}, cache);
    EXPECT_LT(relative_error(next[0], expected[t - 13]), 1e-5) << t;
    EXPECT_LT(relative_error(next[1], expected[t]), 1e-5) << t;
  }
  EXPECT_LT(relative_error(model.decode({{0, part(40, 45)}}, cache)[0], expected[44]), 1e-5);
  EXPECT_EQ(cache.lengths, (std::vector<int64_t>{45, 27}));
  EXPECT_THROW(model.decode({{0, {1}}}, cache), InternalError);
}

TEST_P(Decoder, prompts_of_few_tokens_have_the_same_bits_together) {
  const ModelConfig& config = GetParam().config;
  LoraConfig lora = small_lora({"q_proj", "up_proj"});
  const ResidentModel model(config, lora, Training::kNone, RandomWeights());
  ASSERT_GE(model.independent_tokens(), 100);
  std::vector<NewTokens> prompts;
  for (const int64_t length : {2, 41, 7, 50}) {
    const at::Tensor tokens = random_batch(config.vocab_size, {0, static_cast<int>(length)}).tokens;
    const auto* ids = tokens.const_data_ptr<int64_t>();
    prompts.push_back({prompts.size(), std::vector<int64_t>(ids, ids + length)});
  }
  KvCache cache = model.make_cache(prompts.size(), 50);
  const at::Tensor together = model.decode(prompts, cache);
  for (const NewTokens& prompt : prompts) {
    KvCache own = model.make_cache(1, 50);
    const at::Tensor alone = model.decode({{0, prompt.ids}}, own)[0];
    EXPECT_TRUE(same_bits(alone, together[static_cast<int64_t>(prompt.sequence)]));
  }
}

TEST_P(Decoder, target_losses_add_up_to_the_loss) {
  const ModelConfig& config = GetParam().config;
  const ResidentModel model(config, std::nullopt, Training::kNone, RandomWeights());
  const Batch batch = random_batch(config.vocab_size, {0, 17, 45});
  const std::vector<double> losses = model.target_losses(batch);
  ASSERT_EQ(std::ssize(losses), batch.num_targets);
  double sum = 0.0;
  for (const double loss : losses) sum += loss;
  EXPECT_NEAR(sum, model.loss_sum(batch), 1e-5 * sum);
}

TEST_P(Decoder, merging_keeps_the_logits) {
  const ModelConfig& config = GetParam().config;
  LoraConfig lora = small_lora({"q_proj", "o_proj", "down_proj"});
  ResidentModel model(config, lora, Training::kNone, RandomWeights());
  const Batch batch = random_batch(config.vocab_size, {0, 45});
  const at::Tensor before = model.logits(batch);
  model.merge_lora();
  EXPECT_FALSE(same_bits(model.logits(batch), before));
  EXPECT_LT(relative_error(model.logits(batch), before), 1e-5);
  EXPECT_EQ(model.weight("model.layers.0.self_attn.q_proj.weight").size(0), config.query_size());
}

TEST_P(Decoder, the_same_input_gives_the_same_bits) {
  const ModelConfig& config = GetParam().config;
  const ResidentModel model(config, std::nullopt, Training::kFull, RandomWeights());
  const Batch batch = random_batch(config.vocab_size, {0, 24, 60});
  std::map<std::string, at::Tensor> first, second;
  const double loss = model.loss_and_gradients(batch, first);
  const at::Tensor hole = at::empty({12345});  // moves the next allocations
  EXPECT_EQ(model.loss_and_gradients(batch, second), loss);
  for (const auto& [name, gradient] : first) {
    EXPECT_TRUE(same_bits(gradient, second.at(name))) << name;
  }
}

// Relative to the length of the whole: single elements of a bf16 gradient may be far off.
TEST_P(Decoder, computes_in_bf16_what_it_computes_in_fp32) {
  const ModelConfig& config = GetParam().config;
  const Batch batch = random_batch(config.vocab_size, {0, 9, 30});
  const ComputeDevice bf16{at::kCPU, at::kBFloat16};
  const ResidentModel narrow(config, {}, Training::kFull, RandomWeights(), bf16);
  const ResidentModel wide(config, {}, Training::kFull, RandomWeights());
  EXPECT_EQ(narrow.logits(batch).scalar_type(), at::kFloat);
  EXPECT_LT(relative_error(narrow.logits(batch), wide.logits(batch)), 0.1);
  std::map<std::string, at::Tensor> gradients, expected;
  const double loss = narrow.loss_and_gradients(batch, gradients);
  EXPECT_NEAR(loss / wide.loss_and_gradients(batch, expected), 1.0, 0.02);
  ASSERT_EQ(gradients.size(), expected.size());
  for (const auto& [name, gradient] : expected) {
    ASSERT_EQ(gradients.at(name).scalar_type(), at::kFloat) << name;
    const double error = (gradients.at(name) - gradient).norm().item<double>();
    EXPECT_LT(error / gradient.norm().item<double>(), 0.1) << name;
  }
  // With a cache, as for generation.
  const std::vector<int64_t> tokens(batch.tokens.data_ptr<int64_t>(),
                                    batch.tokens.data_ptr<int64_t>() + 9);
  KvCache narrow_cache = narrow.make_cache(1, 9), wide_cache = wide.make_cache(1, 9);
  EXPECT_LT(relative_error(narrow.decode({{0, tokens}}, narrow_cache),
                           wide.decode({{0, tokens}}, wide_cache)),
            0.1);
}

INSTANTIATE_TEST_SUITE_P(Configs, Decoder, testing::ValuesIn(small_configs()),
                         [](const auto& test) { return test.param.name; });

TEST(DecoderDropout, acts_in_training_only_and_follows_its_key) {
  const ModelConfig config = small_config();
  LoraConfig lora = small_lora({"q_proj", "up_proj"}, 0.5);
  const ResidentModel model(config, lora, Training::kLora, RandomWeights());
  Batch batch = random_batch(config.vocab_size, {0, 60});
  const double without = model.loss_sum(batch);
  batch.training = true;
  const double with = model.loss_sum(batch);
  EXPECT_NE(with, without);
  EXPECT_EQ(model.loss_sum(batch), with);
  ++batch.step;
  EXPECT_NE(model.loss_sum(batch), with);
}

// The slots tell a driver what to gather, shard and train.
TEST(DecoderSlots, are_the_parameter_tables) {
  ModelConfig config = small_config();
  config.tie_word_embeddings = true;
  const LoraConfig lora = small_lora({"q_proj"});
  const StageList stages = make_decoder(config, &lora, Training::kLora);
  ASSERT_EQ(stages.size(), 4u);
  auto expected = base_parameters(config);
  const auto adapters = lora_parameters(config, lora);
  expected.insert(expected.end(), adapters.begin(), adapters.end());
  size_t num_slots = 0;
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    for (const WeightSlot& slot : stages[stage]->slots()) {
      EXPECT_EQ(slot.trainable, slot.name.find(".lora_") != std::string::npos) << slot.name;
      if (stage == 3 && slot.name == "model.embed_tokens.weight") continue;  // the tied use
      const auto found = std::find_if(expected.begin(), expected.end(),
                                      [&](const auto& p) { return p.name == slot.name; });
      ASSERT_NE(found, expected.end()) << slot.name;
      EXPECT_EQ(found->stage, static_cast<int64_t>(stage)) << slot.name;
      EXPECT_EQ(found->shape, slot.shape) << slot.name;
      ++num_slots;
    }
  }
  EXPECT_EQ(num_slots, expected.size());
  EXPECT_EQ(stages[3]->slots()[1].name, "model.embed_tokens.weight");
}

struct Slots : WeightSlots {
  std::vector<at::Tensor> weights, gradients;
  at::Tensor weight(int64_t slot) const override { return weights.at(slot); }
  at::Tensor gradient(int64_t slot) const override { return gradients.at(slot); }
};

// A driver that recomputes a stage, or feeds it alone, gets what the whole walk gives.
TEST(DecoderStages, without_gradient_of_the_input_still_write_every_weight) {
  const ModelConfig config = small_config();
  const StageList stages = make_decoder(config, nullptr, Training::kFull);
  const Batch batch = random_batch(config.vocab_size, {0, 9, 30});
  const at::Tensor x = random_tensor({30, config.hidden_size});
  const at::Tensor dy = random_tensor({30, config.hidden_size}, 2);
  const Stage& block = *stages[1];
  Slots with, without;
  for (const WeightSlot& slot : block.slots()) {
    with.weights.push_back(RandomWeights::tensor(slot.name, slot.shape));
    with.gradients.push_back(at::full(slot.shape, NAN));
    without.gradients.push_back(at::full(slot.shape, NAN));
  }
  without.weights = with.weights;
  SavedActivations saved, saved_again;
  block.forward(with, x, batch, &saved);
  block.forward(without, x, batch, &saved_again);
  EXPECT_TRUE(block.backward(with, x, dy.clone(), batch, saved, true).defined());
  EXPECT_FALSE(block.backward(without, x, dy.clone(), batch, saved_again, false).defined());
  for (size_t i = 0; i < with.gradients.size(); ++i) {
    EXPECT_TRUE(same_bits(with.gradients[i], without.gradients[i])) << block.slots()[i].name;
    EXPECT_TRUE(with.gradients[i].isfinite().all().item<bool>()) << block.slots()[i].name;
  }
}

// The meta device computes shapes only, and has no memory that a CPU loop could touch by mistake.
TEST(DecoderStages, leave_the_cpu_loops_to_the_cpu) {
  ModelConfig config = small_config();
  config.qk_norm = true;
  const LoraConfig lora = small_lora({"q_proj", "down_proj"}, 0.1);
  const StageList stages = make_decoder(config, &lora, Training::kLora);
  Batch batch = random_batch(config.vocab_size, {0, 9, 30});
  batch.training = true;
  batch.tokens = batch.tokens.to(at::kMeta);
  batch.positions = batch.positions.to(at::kMeta);
  const Stage& block = *stages[1];
  Slots slots;
  for (const WeightSlot& slot : block.slots()) {
    slots.weights.push_back(at::empty(slot.shape, at::TensorOptions(at::kMeta).dtype(at::kFloat)));
    slots.gradients.push_back(at::empty_like(slots.weights.back()));
  }
  const at::Tensor x = random_tensor({30, config.hidden_size}).to(at::kMeta);
  SavedActivations saved;
  EXPECT_EQ(block.forward(slots, x, batch, &saved).sizes(), x.sizes());
  EXPECT_EQ(block.backward(slots, x, at::empty_like(x), batch, saved, true).sizes(), x.sizes());
}

}  // namespace
}  // namespace temper

// Sharded training of a toy model: the same bits as on one rank, whatever the number of ranks, the
// placement, the nodes and the number of idle ranks.
#include "sharding/sharded_model.h"
#include "comm/local/local_process_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>

#include "common/error.h"
#include "tests/distributed/toy_model.h"
#include "tests/distributed/world.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

struct Case {
  std::string name;
  ToyTraining training = ToyTraining::kFull;
  ShardingOptions options;
  int ranks_per_node = 0;  // 0: one real node
  int micro_batches = 4;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

std::unique_ptr<ProcessGroup> make_group(int ranks_per_node) {
  if (ranks_per_node > 0) {
    setenv("TEMPER_TEST_RANKS_PER_NODE", std::to_string(ranks_per_node).c_str(), 1);
  }
  auto group = world().split(0, world().rank());
  unsetenv("TEMPER_TEST_RANKS_PER_NODE");
  return group;
}

// All micro-batches of a step, in rounds. Returns the sum of all losses in micro-batch order.
double run_step(ShardedModel& model, ProcessGroup& group, int64_t step, int micro_batches) {
  at::Tensor losses = at::zeros({micro_batches}, at::kDouble);
  for (int first = 0; first < micro_batches; first += group.size()) {
    const int m = first + group.rank();
    const int active_ranks = std::min(group.size(), micro_batches - first);
    if (m < micro_batches) {
      const Batch batch = toy_batch(step, m);
      losses.data_ptr<double>()[m] = model.forward_backward(&batch, active_ranks);
    } else {
      EXPECT_EQ(model.forward_backward(nullptr, active_ranks), 0.0);
    }
  }
  group.all_reduce_sum(losses);  // one term each: exact
  double sum = 0.0;
  for (int m = 0; m < micro_batches; ++m) sum += losses.data_ptr<double>()[m];
  return sum;
}

void update(ShardedModel& model, int64_t step) {
  AdamWOptions options;
  options.learning_rate = 0.01;
  options.weight_decay = 0.1;
  options.gradient_scale = 0.25;
  options.step = step;
  model.adamw_step(options);
}

// A parameter's values from the shards of a replica.
std::map<std::string, at::Tensor> collect(ShardedModel& model, at::Tensor TrainableShard::*kind) {
  std::map<std::string, at::Tensor> values;
  for (const TrainableShard& shard : model.trainable_shards()) {
    const BucketLayout& layout = *shard.layout;
    at::Tensor full = at::zeros({layout.num_elements()}, at::kFloat);
    ProcessGroup& replica = model.mesh().shard();
    full.narrow(0, replica.rank() * layout.shard_elements(), layout.shard_elements())
        .copy_(shard.*kind);
    replica.all_gather_in_place(full);
    for (const BucketParameter& parameter : layout.parameters()) {
      values[parameter.name] =
          full.narrow(0, parameter.offset, parameter.num_elements).view(parameter.shape).clone();
    }
  }
  return values;
}

// What a run leaves: everything that must have the same bits.
struct Outcome {
  std::vector<double> losses;
  std::vector<double> norms;
  std::map<std::string, at::Tensor> tensors;
};

Outcome train(const Case& c, ProcessGroup& group) {
  ShardedModel model(make_toy_model(c.training), group, c.options);
  model.load(ToyWeights());
  Outcome outcome;
  for (int64_t step = 1; step <= 3; ++step) {
    outcome.losses.push_back(run_step(model, group, step, c.micro_batches));
    model.finish_gradients();
    outcome.norms.push_back(model.grad_norm(0.25));
    if (step == 3) {
      for (auto& [name, value] : collect(model, &TrainableShard::gradient)) {
        outcome.tensors["gradient " + name] = value;
      }
    }
    update(model, step);
  }
  const Batch batch = toy_batch(9, group.rank() == 0 ? 0 : 1);
  const bool takes_part = group.rank() == 0;
  const double loss = model.evaluate(takes_part ? &batch : nullptr);
  at::Tensor all = at::full({1}, loss, at::kDouble);
  group.all_reduce_sum(all);
  outcome.losses.push_back(all.item<double>());
  for (auto& [name, value] : collect(model, &TrainableShard::weight)) {
    outcome.tensors["weight " + name] = value;
  }
  for (auto& [name, value] : collect(model, &TrainableShard::adam_m)) {
    outcome.tensors["m " + name] = value;
  }
  for (auto& [name, value] : collect(model, &TrainableShard::adam_v)) {
    outcome.tensors["v " + name] = value;
  }
  EXPECT_LE(model.max_unsharded_stages(), 2);
  return outcome;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes()) == 0;
}

class ShardedTraining : public testing::TestWithParam<Case> {};

TEST_P(ShardedTraining, HasTheSameBitsAsOneRank) {
  const auto group = make_group(GetParam().ranks_per_node);
  Case fitted = GetParam();
  fitted.options.num_replicas = std::gcd(fitted.options.num_replicas, group->size());
  const Outcome sharded = train(fitted, *group);
  Case alone_case = GetParam();
  alone_case.options = {};
  const auto alone = make_local_process_group();
  const Outcome expected = train(alone_case, *alone);

  EXPECT_EQ(sharded.losses, expected.losses);
  EXPECT_EQ(sharded.norms, expected.norms);
  ASSERT_EQ(sharded.tensors.size(), expected.tensors.size());
  for (const auto& [name, value] : expected.tensors) {
    EXPECT_TRUE(same_bits(sharded.tensors.at(name), value)) << name;
    EXPECT_GT(value.abs().max().item<float>(), 0.0f) << name << " is all zero";
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, ToyTraining training, ShardingOptions options) {
    for (const int micro_batches : {4, 3}) {
      for (const int ranks_per_node : {0, 1, 2}) {
        Case c{name, training, options, ranks_per_node, micro_batches};
        c.name +=
            "_Batches" + std::to_string(micro_batches) + "_Node" + std::to_string(ranks_per_node);
        cases.push_back(c);
      }
    }
  };
  const ShardingOptions shared;
  ShardingOptions messages;
  messages.share_memory = false;
  ShardingOptions checkpointed = messages;
  checkpointed.checkpoint_every = 1;
  add("Full", ToyTraining::kFull, shared);
  add("FullByMessages", ToyTraining::kFull, messages);
  add("FullCheckpointed", ToyTraining::kFull, checkpointed);
  ShardingOptions alternating = messages;
  alternating.checkpoint_every = 2;
  alternating.prefetch = false;
  add("FullEverySecondCheckpointed", ToyTraining::kFull, alternating);
  ShardingOptions whole = messages;
  whole.reshard_after_forward = false;
  add("FullKeptWhole", ToyTraining::kFull, whole);
  add("AdaptersNodeShared", ToyTraining::kAdapters, shared);
  for (const int replicas : {2, 4}) {
    const std::string name = std::to_string(replicas) + "Replicas";
    for (ShardingOptions options : {shared, messages}) {
      options.num_replicas = replicas;
      const std::string how = options.share_memory ? "" : "ByMessages";
      add("Full" + name + how, ToyTraining::kFull, options);
      add("Adapters" + name + how, ToyTraining::kAdapters, options);
    }
  }
  for (const auto& [name, placement] : {std::pair{"AdaptersReplicated", Placement::kReplicated},
                                        std::pair{"AdaptersSharded", Placement::kSharded}}) {
    ShardingOptions options = messages;
    options.frozen_placement = placement;
    add(name, ToyTraining::kAdapters, options);
    options.checkpoint_every = 1;
    add(name + std::string("Checkpointed"), ToyTraining::kAdapters, options);
  }
  return cases;
}

// Reduced once a step, each rank's micro-batches are added first: other bits, the same sums.
TEST(ShardedModel, ReducesOncePerStepToTheSameGradients) {
  for (const int replicas : {1, 2}) {
    if (world().size() % replicas != 0) continue;
    ShardingOptions options;
    options.num_replicas = replicas;
    ShardedModel expected(make_toy_model(ToyTraining::kFull), world(), options);
    options.reduce_once_per_step = true;
    ShardedModel model(make_toy_model(ToyTraining::kFull), world(), options);
    for (ShardedModel* m : {&expected, &model}) m->load(ToyWeights());
    for (int64_t step = 1; step <= 2; ++step) {
      for (ShardedModel* m : {&expected, &model}) {
        run_step(*m, world(), step, 5 * world().size() - 1);
        m->finish_gradients();
      }
      const auto wanted = collect(expected, &TrainableShard::gradient);
      for (const auto& [name, value] : collect(model, &TrainableShard::gradient)) {
        const float error = (value - wanted.at(name)).abs().max().item<float>();
        EXPECT_LT(error, 2e-6f * wanted.at(name).abs().max().item<float>()) << name;
      }
      for (ShardedModel* m : {&expected, &model}) m->zero_gradients();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Toy, ShardedTraining, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

// The loss of the toy model written with plain operators, differentiated by autograd.
std::map<std::string, at::Tensor> autograd_gradients(ToyTraining training, int micro_batches) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& stage : make_toy_model(training)) {
    for (const WeightSlot& slot : stage->slots()) {
      if (weights.count(slot.name) > 0) continue;
      at::Tensor weight = at::empty(slot.shape, at::kFloat);
      ToyWeights().read(slot.name, slot.shape, 0, weight.numel(), weight.data_ptr<float>());
      weights[slot.name] = weight.to(at::kDouble).set_requires_grad(slot.trainable);
    }
  }
  for (int m = 0; m < micro_batches; ++m) {
    const Batch batch = toy_batch(1, m);
    at::Tensor x = weights.at("embed.weight").index_select(0, batch.tokens);
    for (const std::string prefix : {"hidden.0", "hidden.1"}) {
      at::Tensor weight = weights.at(prefix + ".weight");
      if (training == ToyTraining::kAdapters) {
        weight = weight + weights.at(prefix + ".b").mm(weights.at(prefix + ".a"));
      }
      x = x + (x.mm(weight.t()) + weights.at(prefix + ".bias")).tanh();
    }
    const at::Tensor logits = (x * weights.at("scale")).mm(weights.at("embed.weight").t());
    at::nll_loss(logits.log_softmax(1), batch.targets, {}, at::Reduction::Sum).backward();
  }
  std::map<std::string, at::Tensor> gradients;
  for (const auto& [name, weight] : weights) {
    if (weight.requires_grad()) gradients[name] = weight.grad();
  }
  return gradients;
}

class Gradients : public testing::TestWithParam<ToyTraining> {};

TEST_P(Gradients, AreThoseOfAutograd) {
  ShardedModel model(make_toy_model(GetParam()), world(), {});
  model.load(ToyWeights());
  run_step(model, world(), 1, 5);
  model.finish_gradients();
  const auto expected = autograd_gradients(GetParam(), 5);
  const auto gradients = collect(model, &TrainableShard::gradient);
  ASSERT_EQ(gradients.size(), expected.size());
  double squares = 0.0;
  for (const auto& [name, value] : expected) {
    const double error = (gradients.at(name).to(at::kDouble) - value).abs().max().item<double>();
    EXPECT_LT(error, 1e-6 * value.abs().max().item<double>()) << name;
    squares += value.square().sum().item<double>();
  }
  EXPECT_NEAR(model.grad_norm(0.5) / (0.5 * std::sqrt(squares)), 1.0, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Toy, Gradients,
                         testing::Values(ToyTraining::kFull, ToyTraining::kAdapters));

TEST(ShardedModel, CountsParametersOnce) {
  const int64_t embedding = kToyVocabulary * kToyHidden;
  const int64_t hidden = 2 * (kToyHidden * kToyHidden + kToyHidden);
  const ShardedModel full(make_toy_model(ToyTraining::kFull), world(), {});
  EXPECT_EQ(full.num_parameters(), embedding + hidden + kToyHidden);
  EXPECT_EQ(full.num_trainable_parameters(), full.num_parameters());
  const ShardedModel adapted(make_toy_model(ToyTraining::kAdapters), world(), {});
  EXPECT_EQ(adapted.num_trainable_parameters(), 2 * 2 * kToyHidden * kToyRank);
  EXPECT_EQ(adapted.num_parameters(), full.num_parameters() + adapted.num_trainable_parameters());
}

TEST(ShardedModel, HoldsItsShareOfTheMemory) {
  const auto alone = make_local_process_group();
  const ShardedModel whole(make_toy_model(ToyTraining::kFull), *alone, {});
  const ShardedModel part(make_toy_model(ToyTraining::kFull), world(), {});
  const int64_t ranks = world().size();
  const int64_t num_buckets = 4;
  const int64_t padding = num_buckets * kShardAlignment * static_cast<int64_t>(sizeof(float));
  const auto expect_share = [&](int64_t mine, int64_t all, int64_t copies) {
    EXPECT_GE(mine * ranks, all);
    EXPECT_LE(mine, all / ranks + copies * padding);
  };
  expect_share(part.memory_use().weight_bytes, whole.memory_use().weight_bytes, 1);
  expect_share(part.memory_use().gradient_bytes, whole.memory_use().gradient_bytes, 2);
  expect_share(part.memory_use().optimizer_bytes, whole.memory_use().optimizer_bytes, 2);
  EXPECT_EQ(part.memory_use().frozen_bytes, 0);
}

TEST(ShardedModel, ReadsOnlyWhatItHolds) {
  const ToyWeights source;
  ShardedModel model(make_toy_model(ToyTraining::kFull), world(), {});
  model.load(source);
  at::Tensor read = at::full({1}, source.num_read, at::kLong);
  world().all_reduce_sum(read);
  EXPECT_EQ(read.item<int64_t>(), model.num_parameters());

  const ToyWeights base;
  ShardedModel adapted(make_toy_model(ToyTraining::kAdapters), world(), {});
  adapted.load(base);
  read.fill_(base.num_read);
  world().all_reduce_sum(read);
  EXPECT_EQ(read.item<int64_t>(), adapted.num_parameters());  // the node reads its copy once
}

// Adapters travel once per update, however many micro-batches and evaluations follow.
TEST(ShardedModel, GathersAdaptersOncePerUpdate) {
  const auto group = make_group(1);
  ShardingOptions options;
  ShardedModel model(make_toy_model(ToyTraining::kAdapters), *group, options);
  model.load(ToyWeights());
  int64_t adapter_bytes = 0;
  for (const TrainableShard& shard : model.trainable_shards()) {
    adapter_bytes += shard.weight.nbytes() * (group->size() - 1);
  }
  for (int64_t step = 1; step <= 2; ++step) {
    const int64_t before = group->traffic().all_gather_bytes;
    run_step(model, *group, step, 3 * group->size());
    update(model, step);
    EXPECT_EQ(group->traffic().all_gather_bytes - before, adapter_bytes);
  }
}

// On one node the weights of a full fine-tuning are not sent at all; between nodes they are, and
// no more than two stages' at a time are whole.
TEST(ShardedModel, GathersStageByStageBetweenNodes) {
  for (const int ranks_per_node : {0, 1}) {
    const auto group = make_group(ranks_per_node);
    ShardedModel model(make_toy_model(ToyTraining::kFull), *group, {});
    model.load(ToyWeights());
    run_step(model, *group, 1, group->size());
    const bool sends = group->node_size() < group->size();
    EXPECT_EQ(group->traffic().all_gather_bytes > 0, sends);
    EXPECT_EQ(model.max_unsharded_stages(), sends ? 2 : 0);
    EXPECT_EQ(group->traffic().shared_read_bytes > 0, group->size() > 1 && !sends);
  }
}

// A round sends each weight twice and each gradient once, less what stays from the forward: the
// last two stages' weights; and less what no backward reads: the embedding's.
TEST(ShardedModel, ReceivesEachWeightTwiceAndEachGradientOnce) {
  const auto group = make_group(1);
  ShardedModel model(make_toy_model(ToyTraining::kFull), *group, {});
  model.load(ToyWeights());
  std::map<std::string, int64_t> others;  // bytes of the other ranks' shards, by first parameter
  for (const TrainableShard& shard : model.trainable_shards()) {
    others[shard.layout->parameters().front().name] =
        static_cast<int64_t>(shard.weight.nbytes()) * (group->size() - 1);
  }
  const int64_t embedding = others.at("embed.weight"), hidden = others.at("hidden.0.weight");
  const int64_t head = others.at("scale") + embedding;  // tied: one bucket, used twice
  ASSERT_EQ(others.size(), 4u);
  const int64_t before = group->traffic().reduce_bytes;
  const Batch batch = toy_batch(1, group->rank());
  model.forward_backward(&batch, group->size());
  EXPECT_EQ(group->traffic().all_gather_bytes, embedding + 3 * hidden + head);
  EXPECT_EQ(group->traffic().reduce_bytes - before, embedding + 2 * hidden + head);
}

TEST(ShardedModel, NamesAMissingParameter) {
  ToyWeights source;
  source.missing = "hidden.1.bias";
  ShardedModel model(make_toy_model(ToyTraining::kFull), world(), {});
  try {
    model.load(source);
    ADD_FAILURE() << "no error";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), names("hidden.1.bias"));
  }
}

// One bad entry on one rank is seen by all.
TEST(ShardedModel, HasNoNormWhenOneEntryIsNotFinite) {
  ShardedModel model(make_toy_model(ToyTraining::kFull), world(), {});
  model.load(ToyWeights());
  run_step(model, world(), 1, world().size());
  model.finish_gradients();
  EXPECT_TRUE(std::isfinite(model.grad_norm(1.0)));
  if (world().rank() == world().size() - 1) {
    model.trainable_shards()[0].gradient[0] = std::numeric_limits<float>::infinity();
  }
  EXPECT_TRUE(std::isnan(model.grad_norm(1.0)));
}

TEST(ShardedModel, DecaysMatricesOnly) {
  ShardedModel model(make_toy_model(ToyTraining::kFull), world(), {});
  model.load(ToyWeights());
  const auto before = collect(model, &TrainableShard::weight);
  AdamWOptions options;
  options.learning_rate = 0.5;
  options.weight_decay = 0.1;
  model.adamw_step(options);  // the gradients are zero
  for (const auto& [name, after] : collect(model, &TrainableShard::weight)) {
    const double kept = before.at(name).dim() >= 2 ? 1.0 - 0.5 * 0.1 : 1.0;
    EXPECT_TRUE(at::allclose(after, before.at(name) * kept, 1e-6, 0.0)) << name;
  }
}

// A restore overwrites the shards' weights; the next forward must see them.
TEST(ShardedModel, SeesWeightsThatWereOverwritten) {
  for (const int ranks_per_node : {0, 1}) {
    const auto group = make_group(ranks_per_node);
    ShardedModel model(make_toy_model(ToyTraining::kFull), *group, {});
    model.load(ToyWeights());
    const Batch batch = toy_batch(1, 0);
    model.evaluate(&batch);
    for (TrainableShard& shard : model.trainable_shards()) shard.weight.zero_();
    model.refresh();
    // Without weights every token is as likely as any other.
    EXPECT_NEAR(model.evaluate(&batch), kToyTokens * std::log(kToyVocabulary), 1e-4);
  }
}

// Below the first trainable stage nothing is kept and no gradient is asked for.
class Recorder : public ToyHidden {
 public:
  explicit Recorder(std::vector<std::string>* calls)
      : ToyHidden(0, ToyTraining::kAdapters), calls_(calls) {}
  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     SavedActivations* saved) const override {
    calls_->push_back(saved == nullptr ? "forward" : "forward, saving");
    return ToyHidden::forward(weights, x, batch, saved);
  }
  at::Tensor backward(const WeightSlots& weights, const at::Tensor& x, const at::Tensor& grad,
                      const Batch& batch, SavedActivations& saved,
                      bool need_grad_input) const override {
    calls_->push_back(need_grad_input ? "backward to the input" : "backward");
    return ToyHidden::backward(weights, x, grad, batch, saved, need_grad_input);
  }

 private:
  std::vector<std::string>* calls_;
};

TEST(ShardedModel, StopsTheBackwardAtTheFirstTrainableStage) {
  for (const bool checkpoint : {false, true}) {
    std::vector<std::string> calls;
    StageList stages;
    stages.push_back(std::make_unique<ToyEmbedding>(false));
    stages.push_back(std::make_unique<Recorder>(&calls));
    stages.push_back(std::make_unique<ToyHead>(false));
    ShardingOptions options;
    options.checkpoint_every = checkpoint ? 1 : 0;
    ShardedModel model(std::move(stages), world(), options);
    model.load(ToyWeights());
    const Batch batch = toy_batch(1, world().rank());
    model.evaluate(&batch);
    model.forward_backward(&batch, world().size());
    using testing::ElementsAre;
    if (checkpoint) {
      EXPECT_THAT(calls, ElementsAre("forward", "forward", "forward, saving", "backward"));
    } else {
      EXPECT_THAT(calls, ElementsAre("forward", "forward, saving", "backward"));
    }
  }
}

// A stage that keeps the weights it was lent.
class Hoarder : public ToyEmbedding {
 public:
  explicit Hoarder(const WeightSlots** kept) : ToyEmbedding(true), kept_(kept) {}
  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     SavedActivations* saved) const override {
    *kept_ = &weights;
    return ToyEmbedding::forward(weights, x, batch, saved);
  }

 private:
  const WeightSlots** kept_;
};

TEST(ShardedModel, CatchesAUseOfWeightsAfterTheStagesTurn) {
  const WeightSlots* kept = nullptr;
  StageList stages;
  stages.push_back(std::make_unique<Hoarder>(&kept));
  stages.push_back(std::make_unique<ToyHead>(true));
  ShardedModel model(std::move(stages), world(), {});
  model.load(ToyWeights());
  const Batch batch = toy_batch(1, 0);
  model.evaluate(&batch);
  EXPECT_THROW(kept->weight(0), InternalError);
  EXPECT_THROW(kept->gradient(0), InternalError);
}

}  // namespace
}  // namespace temper

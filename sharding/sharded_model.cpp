#include "sharding/sharded_model.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "arch/layout/model_plan.h"
#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "common/exact_sum.h"
#include "common/fault_points.h"
#include "sharding/gathered_weights.h"
#include "sharding/gradient_norm.h"
#include "sharding/leaf_gradients.h"
#include "sharding/model_memory.h"
#include "sharding/stage_weights.h"

namespace temper {
namespace {

std::vector<std::vector<WeightSlot>> slots_of(const StageList& stages) {
  std::vector<std::vector<WeightSlot>> slots;
  for (const auto& stage : stages) slots.push_back(stage->slots());
  return slots;
}

Hash128 hash_tensor(const at::Tensor& values, const char* place) {
  const at::Tensor here = values.cpu();  // itself where it is on the host
  if (here.scalar_type() == at::kFloat) {
    fault_values(place, here.data_ptr<float>(), here.numel());
  }
  StreamHasher hasher;
  hasher.update(here.const_data_ptr(), here.nbytes());
  return hasher.digest();
}

// Of each by itself, on as many threads as compute; from a device one after the other, so that the
// host holds one copy at a time.
Hash128 hash_tensors(const std::vector<at::Tensor>& tensors, const char* place) {
  std::vector<Hash128> hashes(tensors.size());
  const auto hash_some = [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      hashes[i] = hash_tensor(tensors[i], place);
    }
  };
  if (!tensors.empty() && tensors.front().is_cpu()) {
    at::parallel_for(0, std::ssize(tensors), 1, hash_some);
  } else {
    hash_some(0, std::ssize(tensors));
  }
  StreamHasher hasher;
  hasher.update(hashes.data(), hashes.size() * sizeof(Hash128));
  return hasher.digest();
}

}  // namespace

struct ShardedModel::Impl {
  Impl(StageList stage_list, ProcessGroup& world, const ShardingOptions& sharding_options,
       const ComputePlace& compute_place)
      : stages(std::move(stage_list)),
        mesh(world, sharding_options.num_replicas),
        options(sharding_options),
        place(compute_place),
        plan(plan_model(slots_of(stages))),
        memory(plan, mesh, options, place),
        gathered(plan, memory.buckets(), mesh.shard(), place),
        leaf(plan, memory.buckets(), mesh, options, place) {
    for (int64_t i = 0; i < num_stages(); ++i) {
      weights.emplace_back(i, plan.stages[i], memory.buckets(), gathered, leaf);
    }
    for (WeightBucket& bucket : memory.buckets()) {
      if (bucket.trainable()) shards.push_back(bucket.trainable_shard());
    }
  }

  int64_t num_stages() const { return static_cast<int64_t>(stages.size()); }
  bool has_backward(int64_t stage) const { return stage >= plan.first_trainable_stage; }
  bool is_recomputed(int64_t stage) const {
    return options.recomputes(stage, num_stages()) && reads_in_backward(stage);
  }
  bool reads_in_backward(int64_t stage) const { return stages[stage]->backward_needs_forward(); }

  // Gathers `stage` and, where wanted, begins with the one that runs after it.
  void gather_for_forward(int64_t stage) {
    heartbeat::beat();
    gathered.gather(stage);
    if (options.prefetch && stage + 1 < num_stages()) gathered.start_gather(stage + 1);
  }
  void gather_for_backward(int64_t stage) {
    heartbeat::beat();
    if (!reads_in_backward(stage)) return;
    gathered.gather(stage);
    const int64_t next = stage - 1;
    if (options.prefetch && next >= plan.first_trainable_stage && reads_in_backward(next)) {
      gathered.start_gather(next);
    }
  }

  void make_current() {
    if (!changed) return;
    memory.synchronise();
    gathered.forget();
    changed = false;
  }

  at::Tensor run_forward(int64_t stage, const at::Tensor& x, const Batch& batch,
                         SavedActivations* saved) {
    const StageWeights::Loan loan(weights[stage]);
    return stages[stage]->forward(weights[stage], x, batch, saved);
  }

  at::Tensor run_backward(int64_t stage, const at::Tensor& x, const at::Tensor& grad_output,
                          const Batch& batch, SavedActivations& saved) {
    const StageWeights::Loan loan(weights[stage]);
    return stages[stage]->backward(weights[stage], x, grad_output, batch, saved,
                                   stage > plan.first_trainable_stage);
  }

  // A copy where the model is; empty when there is no batch or it is there.
  std::optional<Batch> on_device(const Batch* batch) const {
    if (batch == nullptr || place.is_host()) return std::nullopt;
    return to_device(*batch, place.device);
  }

  // Without the gradients, which nobody saves.
  void make_host_copies() {
    for (const TrainableShard& shard : shards) {
      const auto copy = [&](const at::Tensor& from) {
        return at::zeros(from.sizes(), from.options().device(at::kCPU));
      };
      host_copies.push_back(
          {shard.layout, copy(shard.weight), {}, copy(shard.adam_m), copy(shard.adam_v)});
    }
  }

  static void copy_state(const TrainableShard& from, TrainableShard& to) {
    to.weight.copy_(from.weight);
    to.adam_m.copy_(from.adam_m);
    to.adam_v.copy_(from.adam_v);
  }

  StageList stages;
  DeviceMesh mesh;
  ShardingOptions options;
  ComputePlace place;
  ModelPlan plan;
  ModelMemory memory;
  GatheredWeights gathered;
  LeafGradients leaf;
  std::vector<StageWeights> weights;  // by stage
  std::vector<TrainableShard> shards;
  std::vector<TrainableShard> host_copies;  // of a model on another device, once asked for
  bool changed = true;                      // weights were written since the last synchronise()
};

ShardedModel::ShardedModel(StageList stages, ProcessGroup& world, const ShardingOptions& options,
                           const ComputePlace& place)
    : impl_(std::make_unique<Impl>(std::move(stages), world, options, place)) {}

ShardedModel::~ShardedModel() = default;

void ShardedModel::load(const WeightSource& source) {
  impl_->changed = true;
  for (const WeightBucket& bucket : impl_->memory.buckets()) bucket.check_complete(source);
  for (WeightBucket& bucket : impl_->memory.buckets()) {
    bucket.load(source);
    heartbeat::beat();
  }
}

double ShardedModel::forward_backward(const Batch* batch, int num_contributors) {
  const at::NoGradGuard no_grad;
  Impl& model = *impl_;
  const std::optional<Batch> moved = model.on_device(batch);
  if (moved) batch = &*moved;
  const int rank = model.mesh.world().rank();
  TEMPER_CHECK((batch != nullptr) == (rank < num_contributors), "rank {} with {} contributors",
               rank, num_contributors);
  model.make_current();
  const int64_t num_stages = model.num_stages();
  const int64_t last = num_stages - 1;
  const int64_t first_backward = model.plan.first_trainable_stage;

  std::vector<at::Tensor> inputs(num_stages);
  std::vector<SavedActivations> saved(num_stages);
  at::Tensor x;
  for (int64_t i = 0; i < num_stages; ++i) {
    model.gather_for_forward(i);
    if (batch == nullptr) continue;
    if (model.has_backward(i)) inputs[i] = x;
    const bool keep = model.has_backward(i) && !model.is_recomputed(i);
    if (i == last) model.leaf.clear_gaps(i);  // its forward may write gradients
    x = model.run_forward(i, x, *batch, keep ? &saved[i] : nullptr);
  }
  const double loss = batch == nullptr ? 0.0 : x.item<double>();

  at::Tensor grad;
  for (int64_t i = last; i >= first_backward; --i) {
    model.gather_for_backward(i);
    if (batch != nullptr) {
      if (model.is_recomputed(i)) model.run_forward(i, inputs[i], *batch, &saved[i]);
      if (i != last) model.leaf.clear_gaps(i);
      grad = model.run_backward(i, inputs[i], grad, *batch, saved[i]);
      inputs[i].reset();
      saved[i].tensors.clear();
    }
    model.leaf.fold(i, num_contributors);
  }
  model.leaf.end_round();
  return loss;
}

double ShardedModel::evaluate(const Batch* batch) {
  const at::NoGradGuard no_grad;
  Impl& model = *impl_;
  const std::optional<Batch> moved = model.on_device(batch);
  if (moved) batch = &*moved;
  model.make_current();
  at::Tensor x;
  for (int64_t i = 0; i < model.num_stages(); ++i) {
    model.gather_for_forward(i);
    if (batch != nullptr) x = model.run_forward(i, x, *batch, nullptr);
  }
  // In training the folds see to this.
  if (model.memory.shares_trainable_weights()) model.mesh.shard().barrier();
  return batch == nullptr ? 0.0 : x.item<double>();
}

void ShardedModel::finish_gradients() {
  impl_->leaf.finish_step();
  for (WeightBucket& bucket : impl_->memory.buckets()) bucket.finish_gradient();
}

double ShardedModel::gradient_norm(double scale) {
  ExactSum sum;
  for (const TrainableShard& shard : impl_->shards) {
    add_squares(shard.gradient, sum);
  }
  std::array<int64_t, ExactSum::kNumDigits + 1> digits = sum.digits();
  at::Tensor all = at::from_blob(digits.data(), {static_cast<int64_t>(digits.size())}, at::kLong);
  impl_->mesh.shard().all_reduce_sum(all);
  return scale * std::sqrt(ExactSum::from_digits(digits).value());
}

void ShardedModel::adamw_step(const AdamWOptions& options, double gradient_scale, int64_t step) {
  for (WeightBucket& bucket : impl_->memory.buckets()) {
    if (bucket.trainable()) bucket.adamw_step(options, gradient_scale, step);
  }
  zero_gradients();
  impl_->changed = true;
}

void ShardedModel::zero_gradients() {
  for (WeightBucket& bucket : impl_->memory.buckets()) bucket.zero_gradients();
}

std::vector<TrainableShard>& ShardedModel::trainable_shards() {
  return impl_->shards;
}

std::vector<TrainableShard>& ShardedModel::host_shards() {
  if (impl_->place.is_host()) return impl_->shards;
  if (impl_->host_copies.empty()) impl_->make_host_copies();
  return impl_->host_copies;
}

bool ShardedModel::has_host_copies() const {
  return !impl_->place.is_host();
}

void ShardedModel::update_host_shards() {
  if (impl_->place.is_host()) return;
  std::vector<TrainableShard>& copies = host_shards();
  for (size_t i = 0; i < copies.size(); ++i) Impl::copy_state(impl_->shards[i], copies[i]);
}

void ShardedModel::load_host_shards() {
  if (impl_->place.is_host()) return;
  const std::vector<TrainableShard>& copies = host_shards();
  for (size_t i = 0; i < copies.size(); ++i) Impl::copy_state(copies[i], impl_->shards[i]);
}

void ShardedModel::refresh() {
  impl_->changed = true;
  impl_->make_current();
}

ShardedModel::ReplicaHashes ShardedModel::hash_replicas(int64_t turn) {
  impl_->make_current();
  std::vector<at::Tensor> state, gathered, replicated;
  if (impl_->mesh.num_replicas() > 1) {
    for (const TrainableShard& shard : impl_->shards) {
      state.insert(state.end(), {shard.weight, shard.adam_m, shard.adam_v});
    }
  }
  for (const WeightBucket& bucket : impl_->memory.buckets()) {
    if (bucket.home() == BucketHome::kGathered) gathered.push_back(bucket.full());
    if (bucket.home() == BucketHome::kReplicated) replicated.push_back(bucket.full());
  }
  if (!replicated.empty()) {
    replicated = {replicated[static_cast<size_t>(turn) % replicated.size()]};
  }
  StreamHasher copies;
  for (const Hash128& hash :
       {hash_tensors(gathered, "gathered"), hash_tensors(replicated, "frozen")}) {
    copies.update(&hash, sizeof(hash));
  }
  return {hash_tensors(state, "state"), copies.digest()};
}

const DeviceMesh& ShardedModel::mesh() const {
  return impl_->mesh;
}

int64_t ShardedModel::num_trainable_parameters() const {
  return impl_->plan.num_elements(true);
}

int64_t ShardedModel::num_parameters() const {
  return impl_->plan.num_elements(true) + impl_->plan.num_elements(false);
}

ShardedModel::MemoryUse ShardedModel::memory_use() const {
  MemoryUse use;
  for (const WeightBucket& bucket : impl_->memory.buckets()) bucket.add_memory_use(use);
  use.gathered_bytes = impl_->gathered.buffer_bytes();
  use.leaf_bytes = impl_->leaf.buffer_bytes();
  return use;
}

int ShardedModel::max_gathered_stages() const {
  return impl_->gathered.max_gathered_stages();
}

}  // namespace temper

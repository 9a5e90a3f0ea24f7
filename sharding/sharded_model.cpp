#include "sharding/sharded_model.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "sharding/grad_norm.h"
#include "sharding/optimizer.h"
#include "sharding/parameter_loading.h"

namespace temper {

// What forward leaves for backward, by stage: the input of each and what it saved.
struct ShardedModel::Activations {
  explicit Activations(int64_t num_stages) : inputs(num_stages), saved(num_stages) {}

  std::vector<at::Tensor> inputs;
  std::vector<SavedActivations> saved;
};

// An idle rank walks the stages as the others do, because every unshard and every reduction is
// collective; it only computes nothing.
double ShardedModel::forward_backward(const Batch* batch, int active_ranks) {
  const at::NoGradGuard no_grad;
  const std::optional<Batch> moved = on_device(batch);
  if (moved) batch = &*moved;
  const int rank = mesh_.world().rank();
  TEMPER_CHECK((batch != nullptr) == (rank < active_ranks), "rank {} with {} active ranks", rank,
               active_ranks);
  make_current();
  Activations activations(num_stages());
  const double loss = forward(batch, activations);
  backward(batch, active_ranks, activations);
  reduction_.end_round();
  return loss;
}

double ShardedModel::forward(const Batch* batch, Activations& activations) {
  at::Tensor x;
  for (int64_t i = 0; i < num_stages(); ++i) {
    unshard_for_forward(i);
    if (batch == nullptr) continue;
    if (has_backward(i)) activations.inputs[i] = x;
    const bool keep = has_backward(i) && !is_recomputed(i);
    // The last stage computes its gradients along with the loss: its buffer is cleared here
    // already.
    if (i + 1 == num_stages()) gradients_.clear_gaps(i);
    x = run_forward(i, x, *batch, keep ? &activations.saved[i] : nullptr);
  }
  return batch == nullptr ? 0.0 : x.item<double>();
}

void ShardedModel::backward(const Batch* batch, int active_ranks, Activations& activations) {
  const int64_t last = num_stages() - 1;
  at::Tensor grad;
  for (int64_t i = last; i >= plan_.first_trainable_stage; --i) {
    unshard_for_backward(i);
    if (batch != nullptr) {
      at::Tensor& input = activations.inputs[i];
      SavedActivations& saved = activations.saved[i];
      if (is_recomputed(i)) run_forward(i, input, *batch, &saved);
      if (i != last) gradients_.clear_gaps(i);
      grad = run_backward(i, input, grad, *batch, saved);
      input.reset();
      saved.tensors.clear();
    }
    reduction_.reduce(i, active_ranks);
  }
}

double ShardedModel::evaluate(const Batch* batch) {
  const at::NoGradGuard no_grad;
  const std::optional<Batch> moved = on_device(batch);
  if (moved) batch = &*moved;
  make_current();
  at::Tensor x;
  for (int64_t i = 0; i < num_stages(); ++i) {
    unshard_for_forward(i);
    if (batch != nullptr) x = run_forward(i, x, *batch, nullptr);
  }
  // No rank may update shared weights that another still reads. In training the reductions see to
  // this.
  if (memory_.shares_trainable_weights()) mesh_.shard().barrier();
  return batch == nullptr ? 0.0 : x.item<double>();
}

namespace {

std::vector<std::vector<WeightSlot>> slots_of(const StageList& stages) {
  std::vector<std::vector<WeightSlot>> slots;
  for (const auto& stage : stages) slots.push_back(stage->slots());
  return slots;
}

void copy_state(const TrainableShard& from, TrainableShard& to) {
  to.weight.copy_(from.weight);
  to.adam_m.copy_(from.adam_m);
  to.adam_v.copy_(from.adam_v);
}

// Without the gradients, which nobody saves.
TrainableShard empty_host_copy(const TrainableShard& shard) {
  const auto copy = [&](const at::Tensor& from) {
    return at::zeros(from.sizes(), from.options().device(at::kCPU));
  };
  return {shard.layout, copy(shard.weight), {}, copy(shard.adam_m), copy(shard.adam_v)};
}

}  // namespace

ShardedModel::ShardedModel(StageList stages, ProcessGroup& world, const ShardingOptions& options,
                           const ComputeDevice& compute)
    : stages_(std::move(stages)),
      mesh_(world, options.num_replicas),
      options_(options),
      compute_(compute),
      plan_(plan_model(slots_of(stages_))),
      memory_(plan_, mesh_, options, compute),
      parameters_(plan_, memory_.groups(), mesh_.shard(), compute),
      gradients_(plan_, memory_.groups(), mesh_.shard(), options, compute),
      reduction_(plan_, memory_.groups(), gradients_, mesh_, options.reduce_once_per_step) {
  for (int64_t i = 0; i < num_stages(); ++i) {
    weights_.emplace_back(i, plan_.stages[i], memory_.groups(), parameters_, gradients_);
  }
  for (ParameterGroup& group : memory_.groups()) {
    if (group.trainable()) shards_.push_back(group.trainable_shard());
  }
}

bool ShardedModel::is_recomputed(int64_t stage) const {
  return options_.recomputes(stage, num_stages()) && reads_in_backward(stage);
}

// Unshards `stage` and, where wanted, begins with the one that runs after it.
void ShardedModel::unshard_for_forward(int64_t stage) {
  heartbeat::beat();
  parameters_.unshard(stage);
  if (options_.prefetch && stage + 1 < num_stages()) parameters_.unshard_async(stage + 1);
}

void ShardedModel::unshard_for_backward(int64_t stage) {
  heartbeat::beat();
  if (!reads_in_backward(stage)) return;
  parameters_.unshard(stage);
  const int64_t next = stage - 1;
  if (options_.prefetch && next >= plan_.first_trainable_stage && reads_in_backward(next)) {
    parameters_.unshard_async(next);
  }
}

at::Tensor ShardedModel::run_forward(int64_t stage, const at::Tensor& x, const Batch& batch,
                                     SavedActivations* saved) {
  const LentWeights::Loan loan(weights_[stage]);
  return stages_[stage]->forward(weights_[stage], x, batch, saved);
}

at::Tensor ShardedModel::run_backward(int64_t stage, const at::Tensor& x,
                                      const at::Tensor& grad_output, const Batch& batch,
                                      SavedActivations& saved) {
  const LentWeights::Loan loan(weights_[stage]);
  return stages_[stage]->backward(weights_[stage], x, grad_output, batch, saved,
                                  stage > plan_.first_trainable_stage);
}

void ShardedModel::make_current() {
  if (!changed_) return;
  memory_.synchronise();
  parameters_.reshard();
  changed_ = false;
}

// A copy where the model is; empty when there is no batch or it is there.
std::optional<Batch> ShardedModel::on_device(const Batch* batch) const {
  if (batch == nullptr || compute_.is_host()) return std::nullopt;
  return to_device(*batch, compute_.device);
}

void ShardedModel::load(const WeightSource& source) {
  changed_ = true;
  for (const ParameterGroup& group : memory_.groups()) check_complete(group, source);
  for (ParameterGroup& group : memory_.groups()) {
    load_parameters(group, source);
    heartbeat::beat();
  }
}

void ShardedModel::finish_gradients() {
  reduction_.finish_step();
  for (ParameterGroup& group : memory_.groups()) group.finish_gradient();
}

double ShardedModel::grad_norm(double scale) {
  return scale * temper::grad_norm(shards_, mesh_.shard());
}

void ShardedModel::adamw_step(const AdamWOptions& options) {
  for (ParameterGroup& group : memory_.groups()) {
    if (group.trainable()) temper::adamw_step(group, options);
  }
  zero_gradients();
  changed_ = true;
}

void ShardedModel::zero_gradients() {
  for (ParameterGroup& group : memory_.groups()) group.zero_gradients();
}

std::vector<TrainableShard>& ShardedModel::host_shards() {
  if (compute_.is_host()) return shards_;
  if (host_copies_.empty()) {
    for (const TrainableShard& shard : shards_) host_copies_.push_back(empty_host_copy(shard));
  }
  return host_copies_;
}

void ShardedModel::update_host_shards() {
  if (compute_.is_host()) return;
  std::vector<TrainableShard>& copies = host_shards();
  for (size_t i = 0; i < copies.size(); ++i) copy_state(shards_[i], copies[i]);
}

void ShardedModel::load_host_shards() {
  if (compute_.is_host()) return;
  const std::vector<TrainableShard>& copies = host_shards();
  for (size_t i = 0; i < copies.size(); ++i) copy_state(copies[i], shards_[i]);
}

void ShardedModel::refresh() {
  changed_ = true;
  make_current();
}

ReplicaHashes ShardedModel::hash_replicas(int64_t turn) {
  make_current();
  const bool has_replicas = mesh_.num_replicas() > 1;
  return temper::hash_replicas(memory_.groups(),
                               has_replicas ? shards_ : std::vector<TrainableShard>(), turn);
}

MemoryUse ShardedModel::memory_use() const {
  MemoryUse use;
  for (const ParameterGroup& group : memory_.groups()) group.add_memory_use(use);
  use.unsharded_parameter_bytes = parameters_.buffer_bytes();
  use.unsharded_gradient_bytes = gradients_.buffer_bytes() + reduction_.sum_bytes();
  return use;
}

}  // namespace temper

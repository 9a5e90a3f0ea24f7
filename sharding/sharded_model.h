// Fully sharded data parallelism over any list of stages (ZeRO stage 3: Rajbhandari et al.,
// https://arxiv.org/abs/1910.02054; PyTorch FSDP: https://arxiv.org/abs/2304.11277).
//
// Each stage's weights form parameter groups (one of its trainable, one of its frozen parameters),
// each sharded evenly over the ranks of a replica (comm/device_mesh.h); by default that is all of
// them. A step walks the stages: unshard a stage's weights, run it, reshard; then back: unshard,
// backward, reduce-scatter the gradients into the owners' accumulators, reshard. A parameter used
// by two stages (a tied embedding and head) lives in the group of the first and has one accumulator
// per use, added once at the end of the step.
//
// Same bits on any number of ranks: gradients of single micro-batches are computed alone and added
// to one fp32 accumulator in micro-batch order (ProcessGroup::reduce_scatter), which between
// replicas goes from one to the next.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "arch/layout/model_plan.h"
#include "arch/layout/sharding_options.h"
#include "comm/device_mesh.h"
#include "comm/process_group.h"
#include "kernels/adamw.h"
#include "sharding/gradient_reduction.h"
#include "sharding/lent_weights.h"
#include "sharding/memory_use.h"
#include "sharding/parameter_memory.h"
#include "sharding/replica_hashes.h"
#include "sharding/unsharded_gradients.h"
#include "sharding/unsharded_parameters.h"
#include "stage/compute_device.h"
#include "stage/stage.h"
#include "stage/weight_source.h"

namespace temper {

class ShardedModel {
 public:
  // Takes the stages; `world` must outlive the model, and options.num_replicas divide its ranks.
  // Where `compute` is bf16, master weights, gradients and optimizer state stay fp32 and frozen
  // weights are held in bf16 alone. Collective over `world`, as everything below.
  ShardedModel(StageList stages, ProcessGroup& world, const ShardingOptions& options,
               const ComputeDevice& compute = {});
  ShardedModel(const ShardedModel&) = delete;
  ShardedModel& operator=(const ShardedModel&) = delete;

  // Fills every weight from `source`, each rank reading only what it holds. A parameter that is
  // missing is a UserError naming it. All ranks call this; no communication happens in it, so that
  // an error on one rank can be agreed by the caller (comm/agreement.h).
  void load(const WeightSource& source);

  // One round of a training step: this rank's micro-batch, or null when it idles (ranks >=
  // active_ranks). Adds the gradients of the round's loss SUMS to the accumulators. Returns this
  // rank's loss sum (0 when idle). The batch is on the host. Collective.
  double forward_backward(const Batch* batch, int active_ranks);

  // Loss sum of this rank's batch (null: idle) without gradients. Collective.
  double evaluate(const Batch* batch);

  // Completes the step's gradients: what is reduced once per step, the replicas, the accumulators
  // of tied parameters. Once per step, before the norm and the update. Collective.
  void finish_gradients();
  // L2 norm of the accumulated gradient times `scale`, over all ranks; NaN when any entry is NaN or
  // infinite. Independent of the number of ranks, to the bit. Collective.
  double grad_norm(double scale);
  // AdamW on every shard (sharding/optimizer.h), then clears the gradients.
  void adamw_step(const AdamWOptions& options);
  void zero_gradients();

  std::vector<TrainableShard>& trainable_shards() { return shards_; }
  // The weights and optimizer state of trainable_shards() in host memory, without gradients: the
  // shards themselves, or, of a model on another device, copies that stay where they are and hold
  // what the last update_host_shards() found. What is written into them counts from
  // load_host_shards() on.
  std::vector<TrainableShard>& host_shards();
  // Whether host_shards() are such copies.
  bool has_host_copies() const { return !compute_.is_host(); }
  void update_host_shards();
  void load_host_shards();
  // After trainable_shards' weights were overwritten (restore), before the next forward.
  // Collective.
  void refresh();

  // Hashes what must be identical on other ranks; of a base that each rank has copied, one group
  // per call, chosen by `turn`. Collective.
  ReplicaHashes hash_replicas(int64_t turn);

  // Where this rank's shards belong.
  const DeviceMesh& mesh() const { return mesh_; }

  int64_t num_trainable_parameters() const { return plan_.num_elements(true); }
  int64_t num_parameters() const { return plan_.num_elements(true) + plan_.num_elements(false); }
  MemoryUse memory_use() const;
  // Most stages whose weights were unsharded at the same time so far.
  int max_unsharded_stages() const { return parameters_.max_unsharded_stages(); }

 private:
  struct Activations;
  double forward(const Batch* batch, Activations& activations);
  void backward(const Batch* batch, int active_ranks, Activations& activations);

  int64_t num_stages() const { return std::ssize(stages_); }
  bool has_backward(int64_t stage) const { return stage >= plan_.first_trainable_stage; }
  bool reads_in_backward(int64_t stage) const { return stages_[stage]->backward_needs_forward(); }
  bool is_recomputed(int64_t stage) const;
  void unshard_for_forward(int64_t stage);
  void unshard_for_backward(int64_t stage);
  at::Tensor run_forward(int64_t stage, const at::Tensor& x, const Batch& batch,
                         SavedActivations* saved);
  at::Tensor run_backward(int64_t stage, const at::Tensor& x, const at::Tensor& grad_output,
                          const Batch& batch, SavedActivations& saved);
  void make_current();
  std::optional<Batch> on_device(const Batch* batch) const;

  StageList stages_;
  DeviceMesh mesh_;
  ShardingOptions options_;
  ComputeDevice compute_;
  ModelPlan plan_;
  ParameterMemory memory_;
  UnshardedParameters parameters_;
  UnshardedGradients gradients_;
  GradientReducer reduction_;
  std::vector<LentWeights> weights_;  // by stage
  std::vector<TrainableShard> shards_;
  std::vector<TrainableShard> host_copies_;  // of a model on another device, once asked for
  bool changed_ = true;  // weights were written since they were last made known to all ranks
};

}  // namespace temper

// Fully sharded data parallelism over any list of stages (ZeRO stage 3: Rajbhandari et al.,
// https://arxiv.org/abs/1910.02054; PyTorch FSDP: https://arxiv.org/abs/2304.11277).
//
// Each stage's weights form buckets (one for its trainable, one for its frozen parameters), each
// sharded evenly over the ranks of a replica (comm/device_mesh.h); by default that is all of them.
// A step walks the stages: gather a stage's weights, run it, free them; then back: gather,
// backward, fold the gradients into the owners' accumulators, free. A parameter used by two stages
// (a tied embedding and head) lives in the bucket of the first and has one accumulator per use,
// added once at the end of the step.
//
// Same bits on any number of ranks: gradients of single micro-batches are computed alone and added
// to one fp32 accumulator in micro-batch order (ProcessGroup::fold_scatter), which between replicas
// goes from one to the next.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arch/layout/bucket_layout.h"
#include "arch/layout/sharding_options.h"
#include "comm/device_mesh.h"
#include "comm/process_group.h"
#include "common/hash.h"
#include "stage/compute_place.h"
#include "stage/stage.h"
#include "stage/weight_source.h"

namespace temper {

struct AdamWOptions {
  double learning_rate = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  // applied to parameters of two or more dims only
};

// A trainable bucket's state on this rank; every tensor is [shard_elements] fp32, on the device.
struct TrainableShard {
  const BucketLayout* layout = nullptr;
  at::Tensor weight;
  at::Tensor gradient;  // sum over the step's micro-batches so far
  at::Tensor adam_m;
  at::Tensor adam_v;
};

class ShardedModel {
 public:
  // Takes the stages; `world` must outlive the model, and options.num_replicas divide its ranks.
  // Where `place` computes in bf16, master weights, gradients and optimizer state stay fp32 and
  // frozen weights are held in bf16 alone. Collective over `world`, as everything below.
  ShardedModel(StageList stages, ProcessGroup& world, const ShardingOptions& options,
               const ComputePlace& place = {});
  ~ShardedModel();

  // Fills every weight from `source`, each rank reading only what it holds. A parameter that is
  // missing is a UserError naming it. All ranks call this; no communication happens in it, so that
  // an error on one rank can be agreed by the caller (comm/agreement.h).
  void load(const WeightSource& source);

  // One round of a training step: this rank's micro-batch, or null when it idles (ranks >=
  // num_contributors). Adds the gradients of the round's loss SUMS to the accumulators. Returns
  // this rank's loss sum (0 when idle). The batch is on the host. Collective.
  double forward_backward(const Batch* batch, int num_contributors);

  // Loss sum of this rank's batch (null: idle) without gradients. Collective.
  double evaluate(const Batch* batch);

  // Completes the step's gradients: what is reduced once per step, the replicas, the accumulators
  // of tied parameters. Once per step, before the norm and the update. Collective.
  void finish_gradients();
  // L2 norm of the accumulated gradient times `scale`, over all ranks; NaN when any entry is NaN or
  // infinite. Independent of the number of ranks, to the bit. Collective.
  double gradient_norm(double scale);
  // AdamW on every shard with gradient x gradient_scale, then clears the gradients. `step` counts
  // from 1 (bias correction).
  void adamw_step(const AdamWOptions& options, double gradient_scale, int64_t step);
  void zero_gradients();

  std::vector<TrainableShard>& trainable_shards();
  // The weights and optimizer state of trainable_shards() in host memory, without gradients: those
  // themselves, or, of a model on another device, copies that stay where they are and hold what the
  // last update_host_shards() found. What is written into them counts from load_host_shards() on.
  std::vector<TrainableShard>& host_shards();
  // Whether host_shards() are such copies.
  bool has_host_copies() const;
  void update_host_shards();
  void load_host_shards();
  // After trainable_shards' weights were overwritten (restore), before the next forward.
  // Collective.
  void refresh();

  // Of what other ranks hold, too.
  struct ReplicaHashes {
    Hash128 shard;   // weights and optimizer state; only with several replicas, alike in all
    Hash128 copies;  // of whole weights that this rank holds for itself, alike on all ranks
  };
  // Of a frozen base that each rank has copied, one bucket: `turn` picks which. Collective.
  ReplicaHashes hash_replicas(int64_t turn);

  // Where this rank's shards belong.
  const DeviceMesh& mesh() const;

  int64_t num_trainable_parameters() const;
  int64_t num_parameters() const;
  // Bytes of the tensors that this rank holds between two steps, as they are allocated; memory that
  // a node's ranks share counts in equal parts. arch/memory_plan.h says the same beforehand.
  struct MemoryUse {
    int64_t weight_bytes = 0;    // that train
    int64_t frozen_bytes = 0;    // that do not
    int64_t gradient_bytes = 0;  // the owners' sums
    int64_t optimizer_bytes = 0;
    int64_t gathered_bytes = 0;  // the two buffers of sharded stages
    int64_t leaf_bytes = 0;      // one stage's gradients, or a step's
  };
  MemoryUse memory_use() const;
  // Most stages whose weights were gathered at the same time so far.
  int max_gathered_stages() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace temper

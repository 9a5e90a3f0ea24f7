// How much memory a run will need, before any weight is read: arithmetic over the parameter table,
// the run's settings and the number of ranks. docs/memory.md explains every line and shows how far
// it is from what was measured.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "arch/layout/sharding_options.h"
#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "config/run_config.h"

namespace temper {

// The settings of a run that decide where its weights live.
ShardingOptions sharding_options(const RunConfig& config);

// UserError when the ranks do not fill dp_shard_size x dp_replicate_size.
void check_mesh(const RunConfig& config, int num_ranks);

struct RunSize {
  int64_t sequence_len = 0;          // of a training row
  int64_t evaluated_row_tokens = 0;  // of the longest held-out row; 0: no held-out sets
  int64_t max_steps = 0;             // 0: not known
  int num_ranks = 1;
  int ranks_per_node = 1;  // consecutive ranks; the last node may have fewer
};

// Bytes that one rank holds at its worst moment. What the ranks of a node share counts in equal
// parts, so that the sum over a node's ranks is what the node needs (the kernel's PSS).
struct RankMemory {
  int64_t trainable_weights = 0;
  int64_t frozen_weights = 0;
  int64_t gradients = 0;  // the sums that this rank owns
  int64_t optimizer = 0;
  int64_t gathered_weights = 0;  // buffers for weights of other ranks' shards
  int64_t leaf_gradients = 0;    // where a backward writes, before the ranks' parts are added
  int64_t messages = 0;          // gradients of other nodes' ranks, as they arrive
  int64_t activations = 0;
  int64_t save_copy = 0;  // of the state, while it is written in the background
  int64_t data = 0;       // micro-batches read ahead
  int64_t program = 0;    // what LibTorch and MPI take before the first tensor

  int64_t total() const;
  // Name and bytes of each, in this order.
  std::vector<std::pair<std::string, int64_t>> parts() const;
};

struct MemoryPlan {
  std::vector<RankMemory> ranks;
  int ranks_per_node = 1;
  int64_t shared_memory_bytes = 0;  // of the first node in /dev/shm, within the ranks' sums
  int64_t checkpoint_bytes = 0;     // all files of one checkpoint

  // Of the first node, which has the most ranks and writes the checkpoints.
  int64_t node_bytes() const { return node_bytes(0); }
  int64_t node_bytes(int node) const;
  RankMemory node_parts(int node) const;
};

// `config` has passed validation, and its mesh divides the ranks; `lora` is null for full
// fine-tuning. For ranks that compute on the CPU, in fp32.
MemoryPlan plan_memory(const ModelConfig& model, const LoraConfig* lora, const RunConfig& config,
                       const RunSize& size);

// What the GPU of one rank holds, for ranks that compute there, with `bf16: true` in bf16 beside
// fp32 master weights. GPUs share nothing; what stays in the host's memory (data, the copy for a
// save) is 0 here (host_bytes_of_gpu_saves). Sums over tensors are exact; that a GPU agrees has not
// been measured.
RankMemory plan_gpu_memory(const ModelConfig& model, const LoraConfig* lora,
                           const RunConfig& config, const RunSize& size);

// What each rank that computes on a GPU takes of the host's memory to save: a copy of its state,
// from its first save or its resume on, and a block that is written from.
int64_t host_bytes_of_gpu_saves(const ModelConfig& model, const LoraConfig* lora,
                                const RunConfig& config, const RunSize& size);

// "1.50 GiB", "12.0 MiB".
std::string format_bytes(int64_t bytes);

// Lines of a table: what, bytes of rank 0, bytes of its node; rows without bytes are left out.
std::vector<std::string> memory_table(const MemoryPlan& plan);

}  // namespace temper

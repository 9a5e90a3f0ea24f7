#include "arch/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "arch/activation_memory.h"
#include "arch/layout/working_memory.h"
#include "arch/stage_slots.h"
#include "common/error.h"
#include "config/step_count.h"

namespace temper {
namespace {

constexpr int64_t kFloatBytes = 4;
constexpr int64_t kBfloat16Bytes = 2;

// What temper-rank takes before its first tensor, measured (docs/memory.md): of each rank alone,
// and of the libraries' pages that a node's ranks share.
constexpr int64_t kProgramBytes = int64_t{72} << 20;
constexpr int64_t kSharedProgramBytes = int64_t{80} << 20;
// A reserve on a GPU for CUDA's context, cuBLAS' workspaces and NCCL's buffers; not measured.
constexpr int64_t kGpuProgramBytes = int64_t{1} << 30;

struct Field {
  const char* name;
  int64_t RankMemory::*bytes;
};

constexpr std::array<Field, 11> kFields = {{
    {"trainable_weights", &RankMemory::trainable_weights},
    {"frozen_weights", &RankMemory::frozen_weights},
    {"gradients", &RankMemory::gradients},
    {"optimizer", &RankMemory::optimizer},
    {"gathered_weights", &RankMemory::gathered_weights},
    {"leaf_gradients", &RankMemory::leaf_gradients},
    {"messages", &RankMemory::messages},
    {"activations", &RankMemory::activations},
    {"save_copy", &RankMemory::save_copy},
    {"data", &RankMemory::data},
    {"program", &RankMemory::program},
}};

// The ranks of a run on their nodes and in their replicas.
struct Mesh {
  int num_ranks, ranks_per_node, shard_size;

  int node_of(int rank) const { return rank / ranks_per_node; }
  int node_size(int node) const {
    return std::min(ranks_per_node, num_ranks - node * ranks_per_node);
  }
  int first_of_replica(int rank) const { return rank / shard_size * shard_size; }
  // Ranks of this rank's replica that are on its node.
  int shard_ranks_here(int rank) const {
    const int first = first_of_replica(rank);
    const int begin = std::max(first, node_of(rank) * ranks_per_node);
    const int end = std::min(first + shard_size, (node_of(rank) + 1) * ranks_per_node);
    return end - begin;
  }
  bool replicas_stay_on_nodes() const {
    for (int first = 0; first < num_ranks; first += shard_size) {
      if (node_of(first) != node_of(first + shard_size - 1)) return false;
    }
    return true;
  }
};

// Where ranks compute, and in what: those of a node share weights on the CPU only.
struct Numbers {
  bool on_gpu = false;
  int64_t bytes = kFloatBytes;
};

// A base that cannot be shared is copied.
Placement without_sharing(Placement placement) {
  return placement == Placement::kNodeShared ? Placement::kReplicated : placement;
}

// Sizes of the model's parameter groups in elements, as sharding/ allocates them.
struct GroupSizes {
  GroupSizes(const ModelPlan& model_plan, const ShardingOptions& sharding, const Mesh& mesh,
             const Numbers& numbers)
      : plan(model_plan),
        options(sharding),
        trainable_placement(temper::trainable_placement(
            plan, options,
            options.share_memory && !numbers.on_gpu && mesh.replicas_stay_on_nodes())),
        frozen_placement(numbers.on_gpu ? without_sharing(options.frozen_placement)
                                        : options.frozen_placement) {
    for (const PlannedGroup& group : plan.groups) {
      layouts.push_back(group_layout(group, placement(group), mesh.shard_size));
    }
  }

  Placement placement(const PlannedGroup& group) const {
    return group.trainable ? trainable_placement : frozen_placement;
  }

  // Sum of `elements` over the groups that train, or over the others.
  int64_t sum(bool trainable, const std::function<int64_t(size_t group)>& elements) const {
    int64_t total = 0;
    for (size_t b = 0; b < layouts.size(); ++b) {
      if (plan.groups[b].trainable == trainable) total += elements(b);
    }
    return total;
  }
  int64_t whole(bool trainable) const {
    return sum(trainable, [&](size_t b) { return layouts[b].num_elements(); });
  }
  int64_t shards(bool trainable) const {
    return sum(trainable, [&](size_t b) { return layouts[b].shard_elements(); });
  }

  // Elements of the groups that a stage uses and `counts` accepts.
  int64_t stage_elements(size_t stage,
                         const std::function<bool(const PlannedGroup&)>& counts) const {
    int64_t total = 0;
    for (const GroupUse& use : plan.stages[stage].uses) {
      const auto b = static_cast<size_t>(use.group);
      if (counts(plan.groups[b])) total += layouts[b].num_elements();
    }
    return total;
  }

  // Two buffers: even stages use one, odd stages the other.
  int64_t unshard_buffers() const {
    std::array<int64_t, 2> largest{};
    for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
      const int64_t elements = stage_elements(
          stage, [&](const PlannedGroup& b) { return placement(b) == Placement::kSharded; });
      largest[stage % 2] = std::max(largest[stage % 2], elements);
    }
    return largest[0] + largest[1];
  }

  int64_t largest_stage_gradient() const {
    int64_t largest = 0;
    for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
      largest = std::max(largest,
                         stage_elements(stage, [](const PlannedGroup& b) { return b.trainable; }));
    }
    return largest;
  }

  const ModelPlan& plan;
  const ShardingOptions& options;
  Placement trainable_placement, frozen_placement;
  std::vector<BucketLayout> layouts;
};

// `sharing`: ranks that use one copy, where it is shared.
int64_t weight_bytes(const GroupSizes& sizes, bool trainable, int sharing, const Numbers& numbers) {
  switch (trainable ? sizes.trainable_placement : sizes.frozen_placement) {
    case Placement::kSharded:
      return (trainable ? kFloatBytes : numbers.bytes) * sizes.shards(trainable);
    case Placement::kNodeShared:
      return kFloatBytes * sizes.whole(trainable) / sharing;
    case Placement::kUnsharded:  // a shard of another type stands beside the whole
      return numbers.bytes * sizes.whole(trainable) +
             (numbers.bytes == kFloatBytes ? 0 : kFloatBytes * sizes.shards(trainable));
    case Placement::kReplicated:
      break;
  }
  return numbers.bytes * sizes.whole(trainable);
}

int64_t gradient_buffer_elements(const GroupSizes& sizes) {
  int64_t elements = sizes.largest_stage_gradient();
  if (sizes.options.reduce_once_per_step) {
    for (const PlannedStage& stage : sizes.plan.stages) {
      for (const GroupUse& use : stage.uses) {
        const auto b = static_cast<size_t>(use.group);
        if (sizes.plan.groups[b].trainable) elements += sizes.layouts[b].num_elements();
      }
    }
  }
  return elements;
}

// Elements that an owner receives at once from ranks of other nodes (comm/mpi/reduce_scatter.cpp).
int64_t staged_elements(const GroupSizes& sizes, const Mesh& mesh, int rank) {
  const int64_t remote = mesh.shard_size - mesh.shard_ranks_here(rank);
  int64_t part = 0;
  for (size_t b = 0; b < sizes.layouts.size(); ++b) {
    if (sizes.plan.groups[b].trainable) part = std::max(part, sizes.layouts[b].shard_elements());
  }
  return remote * std::min(part, std::max<int64_t>(1, kMaxStagedElements / mesh.shard_size));
}

// Weights and both moments of the rank's pieces, without padding.
int64_t state_bytes(const GroupSizes& sizes, int shard_rank) {
  return 3 * kFloatBytes * sizes.sum(true, [&](size_t b) {
    int64_t count = 0;
    for (const ShardPiece& piece : sizes.layouts[b].pieces(shard_rank)) count += piece.count;
    return count;
  });
}

bool saves_in_background(const RunConfig& config, const RunSize& size) {
  return config.async_save && saves_before_end(config, 0, size.max_steps);
}

int64_t activation_bytes(const ModelConfig& model, const LoraConfig* lora, const RunConfig& config,
                         const RunSize& size, const Numbers& numbers) {
  const Training training = lora == nullptr ? Training::kFull : Training::kLora;
  const int64_t rows = config.micro_batch_size;
  const auto batch = [&](int64_t row_tokens) {
    return MicroBatchSize{rows * row_tokens, rows * row_tokens, config.threads_per_rank,
                          numbers.on_gpu, numbers.bytes};
  };
  int64_t bytes = training_activation_bytes(model, lora, training, sharding_options(config),
                                            batch(size.sequence_len));
  if (size.evaluated_row_tokens > 0) {
    bytes =
        std::max(bytes, evaluation_activation_bytes(model, lora, batch(size.evaluated_row_tokens)));
  }
  return bytes;
}

// Tokens, targets and positions of those that are read ahead, of the one that is being read and of
// the one that is computed.
int64_t data_bytes(const RunConfig& config, const RunSize& size) {
  constexpr int64_t kTokenBytes = 3 * 8;
  const int64_t row_tokens = std::max(size.sequence_len, size.evaluated_row_tokens);
  return (static_cast<int64_t>(kMicroBatchesAhead) + 2) * config.micro_batch_size * row_tokens *
         kTokenBytes;
}

ModelPlan plan_of(const ModelConfig& model, const LoraConfig* lora) {
  return plan_model(
      decoder_slots(model, lora, lora == nullptr ? Training::kFull : Training::kLora));
}

// What sharding/ allocates for a rank on a node of `node_size`.
RankMemory sharded_memory(const GroupSizes& sizes, const Mesh& mesh, int node_size,
                          const Numbers& numbers) {
  RankMemory memory;
  memory.trainable_weights = weight_bytes(sizes, true, mesh.shard_size, numbers);
  memory.frozen_weights = weight_bytes(sizes, false, node_size, numbers);
  memory.gradients = kFloatBytes * sizes.sum(true, [&](size_t b) {
    return sizes.layouts[b].shard_elements() * sizes.plan.groups[b].num_uses;
  });
  memory.optimizer = 2 * kFloatBytes * sizes.shards(true);
  memory.gathered_weights = numbers.bytes * sizes.unshard_buffers();
  memory.leaf_gradients = kFloatBytes * gradient_buffer_elements(sizes);
  return memory;
}

}  // namespace

ShardingOptions sharding_options(const RunConfig& config) {
  ShardingOptions options;
  options.frozen_placement =
      config.base_placement == BasePlacement::kReplicated ? Placement::kReplicated
      : config.base_placement == BasePlacement::kSharded  ? Placement::kSharded
                                                          : Placement::kNodeShared;
  options.num_replicas = static_cast<int>(config.dp_replicate_size);
  options.checkpoint_every =
      config.gradient_checkpointing ? config.gradient_checkpointing_every : 0;
  options.reshard_after_forward = config.reshard_after_forward;
  options.reduce_once_per_step = config.reduce_gradients == GradientReduction::kOncePerStep;
  return options;
}

void check_mesh(const RunConfig& config, int num_ranks) {
  const int64_t replicas = config.dp_replicate_size;
  if (num_ranks % replicas != 0) {
    throw UserError("dp_replicate_size: {} copies do not divide {} ranks", replicas, num_ranks);
  }
  if (config.dp_shard_size != 0 && config.dp_shard_size * replicas != num_ranks) {
    throw UserError("dp_shard_size {} x dp_replicate_size {} is not the number of ranks, {}",
                    config.dp_shard_size, replicas, num_ranks);
  }
}

int64_t RankMemory::total() const {
  int64_t sum = 0;
  for (const Field& field : kFields) sum += this->*field.bytes;
  return sum;
}

std::vector<std::pair<std::string, int64_t>> RankMemory::parts() const {
  std::vector<std::pair<std::string, int64_t>> list;
  for (const Field& field : kFields) list.emplace_back(field.name, this->*field.bytes);
  return list;
}

RankMemory MemoryPlan::node_parts(int node) const {
  RankMemory sum;
  const size_t begin = static_cast<size_t>(node) * static_cast<size_t>(ranks_per_node);
  const size_t end = std::min(ranks.size(), begin + static_cast<size_t>(ranks_per_node));
  for (size_t r = begin; r < end; ++r) {
    for (const Field& field : kFields) sum.*field.bytes += ranks[r].*field.bytes;
  }
  return sum;
}

int64_t MemoryPlan::node_bytes(int node) const {
  return node_parts(node).total();
}

MemoryPlan plan_memory(const ModelConfig& model, const LoraConfig* lora, const RunConfig& config,
                       const RunSize& size) {
  const ModelPlan model_plan = plan_of(model, lora);
  const ShardingOptions options = sharding_options(config);
  const Mesh mesh{size.num_ranks, size.ranks_per_node, size.num_ranks / options.num_replicas};
  const Numbers numbers;
  const GroupSizes sizes(model_plan, options, mesh, numbers);

  MemoryPlan plan;
  plan.ranks_per_node = mesh.ranks_per_node;
  const int64_t activations = activation_bytes(model, lora, config, size, numbers);
  for (int rank = 0; rank < mesh.num_ranks; ++rank) {
    const int node_size = mesh.node_size(mesh.node_of(rank));
    RankMemory memory = sharded_memory(sizes, mesh, node_size, numbers);
    memory.messages = kFloatBytes * staged_elements(sizes, mesh, rank);
    memory.activations = activations;
    const int64_t state = state_bytes(sizes, rank - mesh.first_of_replica(rank));
    if (mesh.first_of_replica(rank) == 0) {  // the replica that writes
      plan.checkpoint_bytes += state;
      memory.save_copy = std::min<int64_t>(state, kSaveBlockBytes);
    }
    // The others hash theirs.
    if (saves_in_background(config, size)) memory.save_copy += state;
    memory.data = data_bytes(config, size);
    memory.program = kProgramBytes + kSharedProgramBytes / node_size +
                     config.threads_per_rank * kFloatBytes * packed_product_elements();
    plan.ranks.push_back(memory);
  }

  // A rank that is alone in its group on a node has memory of its own instead.
  const int here = mesh.node_size(0), replicas_here = std::max(1, here / mesh.shard_size);
  if (mesh.shard_ranks_here(0) > 1) {
    plan.shared_memory_bytes += kFloatBytes * here * sizes.largest_stage_gradient();
    if (sizes.trainable_placement == Placement::kNodeShared) {
      plan.shared_memory_bytes += kFloatBytes * replicas_here * sizes.whole(true);
    }
  }
  if (here > 1 && sizes.frozen_placement == Placement::kNodeShared) {
    plan.shared_memory_bytes += kFloatBytes * sizes.whole(false);
  }
  return plan;
}

RankMemory plan_gpu_memory(const ModelConfig& model, const LoraConfig* lora,
                           const RunConfig& config, const RunSize& size) {
  const ModelPlan model_plan = plan_of(model, lora);
  const ShardingOptions options = sharding_options(config);
  const Mesh mesh{size.num_ranks, /*ranks_per_node=*/1, size.num_ranks / options.num_replicas};
  const Numbers numbers{true, config.bf16 ? kBfloat16Bytes : kFloatBytes};
  const GroupSizes sizes(model_plan, options, mesh, numbers);
  RankMemory memory = sharded_memory(sizes, mesh, 1, numbers);
  memory.messages = kFloatBytes * staged_elements(sizes, mesh, 0);
  memory.activations = activation_bytes(model, lora, config, size, numbers);
  memory.program = kGpuProgramBytes;
  return memory;
}

int64_t host_bytes_of_gpu_saves(const ModelConfig& model, const LoraConfig* lora,
                                const RunConfig& config, const RunSize& size) {
  const ModelPlan model_plan = plan_of(model, lora);
  const ShardingOptions options = sharding_options(config);
  const Mesh mesh{size.num_ranks, /*ranks_per_node=*/1, size.num_ranks / options.num_replicas};
  const Numbers numbers{true, config.bf16 ? kBfloat16Bytes : kFloatBytes};
  const int64_t state = state_bytes(GroupSizes(model_plan, options, mesh, numbers), 0);
  return state + std::min<int64_t>(state, kSaveBlockBytes);
}

std::string format_bytes(int64_t bytes) {
  constexpr int64_t kMiB = int64_t{1} << 20, kGiB = int64_t{1} << 30;
  const auto value = static_cast<double>(bytes);
  if (bytes >= kGiB) return fmt::format("{:.2f} GiB", value / static_cast<double>(kGiB));
  return fmt::format("{:.1f} MiB", value / static_cast<double>(kMiB));
}

std::vector<std::string> memory_table(const MemoryPlan& plan) {
  const auto line = [](std::string name, const std::string& rank, const std::string& node) {
    std::replace(name.begin(), name.end(), '_', ' ');
    return fmt::format("{:<18}{:>12}{:>12}", name, rank, node);
  };
  const RankMemory& rank = plan.ranks.front();
  const RankMemory node = plan.node_parts(0);
  std::vector<std::string> lines = {line("memory", "a rank", "its node")};
  for (const Field& field : kFields) {
    if (node.*field.bytes == 0) continue;
    lines.push_back(
        line(field.name, format_bytes(rank.*field.bytes), format_bytes(node.*field.bytes)));
  }
  lines.push_back(line("total", format_bytes(rank.total()), format_bytes(node.total())));
  return lines;
}

}  // namespace temper

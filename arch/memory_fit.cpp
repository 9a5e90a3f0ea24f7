#include "arch/memory_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "common/error.h"

namespace temper {
namespace {

// The three largest parts of a rank's memory: "optimizer 4.00 GiB, ...".
std::string largest_parts(const RankMemory& memory) {
  auto parts = memory.parts();
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (size_t i = 0; i < 3; ++i) {
    std::string name = parts[i].first;
    std::replace(name.begin(), name.end(), '_', ' ');
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", name, format_bytes(parts[i].second));
  }
  return text;
}

std::string advice(const std::vector<MemoryRemedy>& remedies, int64_t available,
                   const std::string& place) {
  if (remedies.empty()) return "Use " + place + " with more memory";
  std::string text = "To lower it: ";
  for (const MemoryRemedy& remedy : remedies) {
    text += fmt::format("{} ({}{}), ", remedy.change, format_bytes(remedy.bytes),
                        remedy.bytes <= available ? ", fits" : "");
  }
  return text + "or " + place + " with more memory";
}

using BytesNeeded = std::function<int64_t(const RunConfig&, const RunSize&)>;

std::vector<MemoryRemedy> remedies_of(const PlannedRun& run, const BytesNeeded& bytes_needed) {
  const int64_t now = bytes_needed(run.config, run.size);
  std::vector<MemoryRemedy> remedies;
  const auto consider = [&](const std::string& change, const std::function<void(RunConfig&)>& edit,
                            RunSize size) {
    RunConfig config = run.config;
    edit(config);
    const int64_t bytes = bytes_needed(config, size);
    // A change that saves less than a hundredth is no remedy.
    if (bytes < now - now / 100) remedies.push_back({change, bytes});
  };
  const auto same = [](RunConfig&) {};
  consider(
      "gradient_checkpointing: true",
      [](RunConfig& c) {
        c.gradient_checkpointing = true;
        c.gradient_checkpointing_every = 1;
      },
      run.size);
  if (run.config.micro_batch_size > 1) {
    consider(
        "micro_batch_size: 1", [](RunConfig& c) { c.micro_batch_size = 1; }, run.size);
  }
  if (run.lora != nullptr) {
    consider(
        "base_placement: node_shared",
        [](RunConfig& c) { c.base_placement = BasePlacement::kNodeShared; }, run.size);
    consider(
        "base_placement: sharded", [](RunConfig& c) { c.base_placement = BasePlacement::kSharded; },
        run.size);
  }
  consider(
      "reduce_gradients: each_round",
      [](RunConfig& c) { c.reduce_gradients = GradientReduction::kEachRound; }, run.size);
  consider(
      "reshard_after_forward: true", [](RunConfig& c) { c.reshard_after_forward = true; },
      run.size);
  consider(
      "dp_replicate_size: 1", [](RunConfig& c) { c.dp_replicate_size = 1; }, run.size);
  consider(
      "async_save: false", [](RunConfig& c) { c.async_save = false; }, run.size);
  RunSize twice = run.size;
  twice.num_ranks *= 2;
  consider("twice the nodes, with as many ranks each", same, twice);
  RunSize spread = run.size;
  if (spread.ranks_per_node > 1) {
    spread.ranks_per_node = (spread.ranks_per_node + 1) / 2;
    consider("the same ranks on twice the nodes", same, spread);
  }
  std::stable_sort(remedies.begin(), remedies.end(),
                   [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  return remedies;
}

}  // namespace

std::vector<MemoryRemedy> memory_remedies(const PlannedRun& run) {
  return remedies_of(run, [&](const RunConfig& config, const RunSize& size) {
    return plan_memory(run.model, run.lora, config, size).node_bytes();
  });
}

std::vector<MemoryRemedy> gpu_memory_remedies(const PlannedRun& run) {
  return remedies_of(run, [&](const RunConfig& config, const RunSize& size) {
    return plan_gpu_memory(run.model, run.lora, config, size).total();
  });
}

void require_memory(const PlannedRun& run, const MemoryPlan& plan, const HostMemory& available,
                    int64_t taken_bytes) {
  const int64_t needed = plan.node_bytes();
  if (available.bytes == 0 || needed - taken_bytes <= available.bytes) return;
  const int64_t ranks = std::min<int64_t>(plan.ranks_per_node, run.size.num_ranks);
  throw UserError(
      "this run needs {} of memory on a node ({} rank{} of {}: {}, ...), but {} are available "
      "({}). {}. `temper plan` shows it all",
      format_bytes(needed), ranks, ranks == 1 ? "" : "s", format_bytes(plan.ranks[0].total()),
      largest_parts(plan.ranks[0]), format_bytes(available.bytes), available.source,
      advice(memory_remedies(run), available.bytes + taken_bytes, "a node"));
}

void require_gpu_memory(const PlannedRun& run, const RankMemory& planned, int64_t gpu_bytes) {
  const int64_t certain = planned.total() - planned.activations - planned.program;
  if (certain <= gpu_bytes) return;
  throw UserError(
      "this run needs {} of a GPU's memory ({}, ...), but it has {}. {}. `temper plan "
      "--gpu-memory` "
      "shows it all",
      format_bytes(planned.total()), largest_parts(planned), format_bytes(gpu_bytes),
      advice(gpu_memory_remedies(run), gpu_bytes, "GPUs"));
}

}  // namespace temper

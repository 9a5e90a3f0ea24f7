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

std::string advice(const std::vector<MemoryRemedy>& remedies, int64_t available) {
  if (remedies.empty()) return "Use a node with more memory";
  std::string text = "To lower it: ";
  for (const MemoryRemedy& remedy : remedies) {
    text += fmt::format("{} ({}{}), ", remedy.change, format_bytes(remedy.node_bytes),
                        remedy.node_bytes <= available ? ", fits" : "");
  }
  return text + "or a node with more memory";
}

}  // namespace

std::vector<MemoryRemedy> memory_remedies(const PlannedRun& run) {
  const int64_t now = plan_memory(run.model, run.lora, run.config, run.size).node_bytes();
  std::vector<MemoryRemedy> remedies;
  const auto consider = [&](const std::string& change, const std::function<void(RunConfig&)>& edit,
                            RunSize size) {
    RunConfig config = run.config;
    edit(config);
    const int64_t bytes = plan_memory(run.model, run.lora, config, size).node_bytes();
    // What saves less than a hundredth is no remedy.
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
                   [](const auto& a, const auto& b) { return a.node_bytes < b.node_bytes; });
  return remedies;
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
      advice(memory_remedies(run), available.bytes + taken_bytes));
}

}  // namespace temper

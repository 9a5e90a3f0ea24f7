#include "launcher/start/check_run.h"

#include "arch/memory_plan.h"
#include "arch/model_config.h"
#include "arch/parameters.h"
#include "common/cli/byte_size.h"
#include "common/error.h"
#include "launcher/start/check_device.h"
#include "launcher/start/check_model.h"

namespace temper {

RunPlan check_run(const RunConfig& config, const RankCounts& ranks,
                  const std::optional<HostMemory>& memory) {
  check_device(config);
  RunConfig checked = config;
  check_model_and_adapter(checked);
  RunPlan plan = make_run_plan(checked, ranks.num_ranks, ranks.ranks_per_node);
  // What a GPU has the ranks find; they keep next to nothing in the host's memory.
  if (memory && !may_use_gpus(checked)) require_memory(plan, *memory);
  return plan;
}

std::optional<HostMemory> requested_memory(const SlurmConfig& slurm) {
  constexpr int64_t kSlurmUnit = int64_t{1} << 20;
  if (slurm.mem.empty() || slurm.mem == "0") return std::nullopt;
  return HostMemory{parse_byte_size(slurm.mem, "slurm.mem", kSlurmUnit), "slurm.mem"};
}

void check_evaluation_memory(const std::filesystem::path& directory, const RankCounts& ranks,
                             const HostMemory& memory) {
  constexpr int64_t kBytesPerElement = 4;
  int64_t elements = 0;
  try {
    elements = count_elements(base_parameters(ModelConfig::from_directory(directory)));
  } catch (const Error&) {
    return;
  }
  const int64_t needed = elements * kBytesPerElement * ranks.ranks_per_node;
  if (needed <= memory.bytes) return;
  throw UserError(
      "{}: {} rank{} on one node would need {} for the weights alone, and there are {} ({}); start "
      "fewer ranks, or evaluate during training, where weights are sharded (test_datasets)",
      directory.string(), ranks.ranks_per_node, ranks.ranks_per_node == 1 ? "" : "s",
      format_bytes(needed), format_bytes(memory.bytes), memory.source);
}

}  // namespace temper

#include "launcher/plan/run_plan.h"

#include <algorithm>

#include "arch/memory_fit.h"
#include "arch/run_adapter.h"
#include "data/dataset/packed_dataset.h"

namespace temper {
namespace {

int64_t longest_row(const RunConfig& config) {
  int64_t longest = 0;
  for (const auto* entries : {&config.test_datasets, &config.general_datasets}) {
    for (const DatasetEntry& entry : *entries) {
      longest = std::max(longest, PackedDataset(entry.path).info().sequence_len);
    }
  }
  return longest;
}

PlannedRun planned(const RunPlan& plan) {
  return {plan.model, plan.adapter(), plan.config, plan.size};
}

OrderedJson parts_report(const RankMemory& memory) {
  OrderedJson report = OrderedJson::object();
  for (const auto& [name, bytes] : memory.parts()) report[name] = bytes;
  report["total"] = memory.total();
  return report;
}

}  // namespace

RunPlan make_run_plan(const RunConfig& config, int num_ranks, int ranks_per_node) {
  check_mesh(config, num_ranks);
  RunPlan plan{config, ModelConfig::from_directory(config.base_model), {}, {}, {}, {}};
  if (config.is_lora()) plan.lora = lora_of_run(config, plan.model);
  plan.training = make_training_plan(config, num_ranks);
  plan.size = {plan.training.sequence_len, longest_row(config), plan.training.steps, num_ranks,
               ranks_per_node};
  plan.memory = plan_memory(plan.model, plan.adapter(), config, plan.size);
  return plan;
}

void require_memory(const RunPlan& plan, const HostMemory& available) {
  require_memory(planned(plan), plan.memory, available, 0);
}

OrderedJson memory_report(const RunPlan& plan, const HostMemory& available) {
  const int64_t needed = plan.memory.node_bytes();
  OrderedJson report = {{"rank", parts_report(plan.memory.ranks.front())},
                        {"node", parts_report(plan.memory.node_parts(0))},
                        {"shared_memory_bytes", plan.memory.shared_memory_bytes},
                        {"available_bytes", available.bytes},
                        {"available_by", available.source},
                        {"fits", needed <= available.bytes},
                        {"remedies", OrderedJson::array()}};
  if (needed <= available.bytes) return report;
  for (const MemoryRemedy& remedy : memory_remedies(planned(plan))) {
    report["remedies"].push_back({{"change", remedy.change},
                                  {"node_bytes", remedy.bytes},
                                  {"fits", remedy.bytes <= available.bytes}});
  }
  return report;
}

OrderedJson gpu_memory_report(const RunPlan& plan, int64_t gpu_bytes) {
  const RankMemory memory = plan_gpu_memory(plan.model, plan.adapter(), plan.config, plan.size);
  OrderedJson report = {
      {"rank", parts_report(memory)},        {"numbers", plan.config.bf16 ? "bf16" : "fp32"},
      {"needed_bytes", memory.total()},      {"available_bytes", gpu_bytes},
      {"fits", memory.total() <= gpu_bytes}, {"remedies", OrderedJson::array()}};
  const int64_t host = host_bytes_of_gpu_saves(plan.model, plan.adapter(), plan.config, plan.size);
  report["host_save_bytes"] = host;
  report["host_save_node_bytes"] = host * plan.size.ranks_per_node;
  if (memory.total() <= gpu_bytes) return report;
  for (const MemoryRemedy& remedy : gpu_memory_remedies(planned(plan))) {
    report["remedies"].push_back({{"change", remedy.change},
                                  {"gpu_bytes", remedy.bytes},
                                  {"fits", remedy.bytes <= gpu_bytes}});
  }
  return report;
}

TrainingFlops micro_batch_flops(const RunPlan& plan) {
  const double tokens =
      static_cast<double>(plan.config.micro_batch_size * plan.training.sequence_len);
  return training_flops(plan.model, plan.adapter(), sharding_options(plan.config), tokens,
                        tokens * plan.training.supervised_share, plan.training.document_len);
}

}  // namespace temper

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "arch/parameters.h"
#include "arch/stage_slots.h"
#include "common/cli/byte_size.h"
#include "io/free_space.h"
#include "io/safetensors/safetensors_directory.h"
#include "launcher/commands/commands.h"
#include "launcher/plan/run_plan.h"
#include "launcher/print_report.h"
#include "launcher/ranks/rank_launch.h"
#include "launcher/start/check_run.h"
#include "launcher/start/start_options.h"
#include "run/checkpoint_room.h"

namespace temper {
namespace {

struct Machine {
  int num_ranks = 1;
  int ranks_per_node = 1;
  HostMemory memory;
  int64_t gpu_bytes = 0;  // of each rank's GPU; 0: none
};

int positive(const CommandLine& line, const char* option, int otherwise) {
  const int value = line.find<int>(option).value_or(otherwise);
  if (value < 1) line.refuse(fmt::format("--{} must be at least 1", option));
  return value;
}

// Options that say the same thing in two ways.
void refuse_contradictions(const CommandLine& line) {
  const auto refuse_both = [&](const char* one, const char* other) {
    if (line.has(one) && line.has(other)) {
      line.refuse(fmt::format("give either --{} or --{}", one, other));
    }
  };
  refuse_both("nproc", "ntasks-per-node");
  refuse_both("nproc", "gpus-per-node");
  refuse_both("ntasks-per-node", "gpus-per-node");
  for (const char* option : {"nodes", "ntasks-per-node", "gpus-per-node"}) {
    refuse_both("hostfile", option);
  }
}

HostMemory memory_of_node(const CommandLine& line, const SlurmConfig& slurm) {
  if (const auto given = line.find("memory")) {
    return {parse_byte_size(*given, "--memory"), "--memory"};
  }
  const auto requested = requested_memory(slurm);
  const bool counts = requested && !read_launch_environment().in_slurm_allocation;
  return counts ? *requested : available_memory();
}

Machine machine_of(const CommandLine& line, const SlurmConfig& slurm) {
  Machine machine;
  if (line.has("hostfile")) {
    const RankLaunch launch = plan_start(read_start_options(line), {});
    machine.num_ranks = launch.num_ranks;
    machine.ranks_per_node = launch.ranks_per_node;
  } else {
    const int nodes = positive(line, "nodes", static_cast<int>(slurm.nodes));
    const int per_node =
        positive(line, line.has("gpus-per-node") ? "gpus-per-node" : "ntasks-per-node",
                 static_cast<int>(slurm.ntasks_per_node));
    machine.num_ranks = positive(line, "nproc", nodes * per_node);
    machine.ranks_per_node = (machine.num_ranks + nodes - 1) / nodes;
  }
  machine.memory = memory_of_node(line, slurm);
  if (const auto given = line.find("gpu-memory")) {
    machine.gpu_bytes = parse_byte_size(*given, "--gpu-memory");
  }
  return machine;
}

// Null where only config.json is there: a plan can come before the download.
OrderedJson stored_bytes(const std::filesystem::path& model,
                         const std::vector<ParameterInfo>& parameters) {
  const auto has = [&](const char* name) { return std::filesystem::exists(model / name); };
  if (!has("model.safetensors") && !has("model.safetensors.index.json")) return nullptr;
  const SafetensorsDirectory files(model);
  uint64_t bytes = 0;
  for (const ParameterInfo& parameter : parameters) {
    bytes += files.info(parameter.name).num_bytes();
  }
  return bytes;
}

OrderedJson model_report(const RunPlan& plan) {
  int64_t trained = 0;
  const auto base = base_parameters(plan.model);
  std::vector<ParameterInfo> all = base;
  if (plan.lora) {
    const auto adapters = lora_parameters(plan.model, *plan.lora);
    trained = count_elements(adapters) + count_elements(saved_parameters(plan.model, *plan.lora));
    all.insert(all.end(), adapters.begin(), adapters.end());
  } else {
    trained = count_elements(base);
  }
  return {{"parameters", count_elements(all)},
          {"trainable_parameters", trained},
          {"base_bytes", stored_bytes(plan.config.base_model, base)}};
}

OrderedJson disk_report(const RunPlan& plan) {
  const auto checkpoints = most_checkpoints(plan.config, plan.training.steps);
  const auto there = static_cast<int64_t>(free_bytes(plan.config.output_dir));
  OrderedJson report = {{"checkpoint_bytes", plan.memory.checkpoint_bytes}};
  if (checkpoints) {
    const int64_t bytes = *checkpoints * plan.memory.checkpoint_bytes;
    report["at_most_checkpoints"] = *checkpoints;
    report["at_most_bytes"] = bytes;
    report["free_bytes"] = there;
    report["fits"] = bytes <= there;
  } else {
    report["at_most_checkpoints"] = nullptr;
    report["at_most_bytes"] = nullptr;
    report["free_bytes"] = there;
  }
  return report;
}

OrderedJson flops_report(const RunPlan& plan) {
  const TrainingFlops flops = micro_batch_flops(plan);
  const double tokens =
      static_cast<double>(plan.config.micro_batch_size * plan.training.sequence_len);
  const double step = flops.total() * static_cast<double>(plan.training.micro_batches_per_step);
  return {{"token", flops.total() / tokens},
          {"of_it_attention", flops.attention / tokens},
          {"of_it_recomputed", flops.recomputed / tokens},
          {"step", step},
          {"run", step * static_cast<double>(plan.training.steps)}};
}

// `rate`: operations a second of one rank.
OrderedJson time_report(const RunPlan& plan, double rate) {
  const double step =
      micro_batch_flops(plan).total() / rate * static_cast<double>(plan.training.rounds_per_step);
  const double tokens =
      static_cast<double>(plan.config.global_batch_size * plan.training.sequence_len);
  return {{"flops_per_second", rate},
          {"step_seconds", step},
          {"tokens_per_second", tokens / step},
          {"run_seconds", step * static_cast<double>(plan.training.steps)}};
}

std::string shown_fit(bool fits, int64_t needed, int64_t available, const std::string& by) {
  return fmt::format("{}: {} needed, {} available ({})", fits ? "fits" : "DOES NOT FIT",
                     format_bytes(needed), format_bytes(available), by);
}

void print_remedies(const OrderedJson& remedies, const char* bytes) {
  for (const OrderedJson& remedy : remedies) {
    std::cout << fmt::format("  {}: {}{}\n", remedy["change"].get<std::string>(),
                             format_bytes(remedy[bytes]),
                             remedy["fits"].get<bool>() ? ", fits" : "");
  }
}

void print_gpu(const OrderedJson& gpu) {
  std::cout << fmt::format("\na GPU, computing in {}\n", gpu["numbers"].get<std::string>());
  for (const auto& [name, bytes] : gpu["rank"].items()) {
    std::string shown = name;
    std::replace(shown.begin(), shown.end(), '_', ' ');
    if (bytes != 0) std::cout << fmt::format("{:<18}{:>12}\n", shown, format_bytes(bytes));
  }
  std::cout << shown_fit(gpu["fits"], gpu["needed_bytes"], gpu["available_bytes"], "--gpu-memory")
            << "\n";
  std::cout << fmt::format("and in the host's memory, to save: {} a rank, {} a node\n",
                           format_bytes(gpu["host_save_bytes"]),
                           format_bytes(gpu["host_save_node_bytes"]));
  print_remedies(gpu["remedies"], "gpu_bytes");
}

void print_plan(const RunPlan& plan, const OrderedJson& report) {
  const OrderedJson& model = report["model"];
  std::cout << fmt::format(
      "{} of {} parameters train; {} rank{}, {} a node; {} x {} tokens in a micro-batch\n\n",
      model["trainable_parameters"].get<int64_t>(), model["parameters"].get<int64_t>(),
      plan.size.num_ranks, plan.size.num_ranks == 1 ? "" : "s", plan.size.ranks_per_node,
      plan.config.micro_batch_size, plan.size.sequence_len);
  for (const std::string& line : memory_table(plan.memory)) std::cout << line << "\n";
  const OrderedJson& memory = report["memory"];
  std::cout << shown_fit(memory["fits"], plan.memory.node_bytes(), memory["available_bytes"],
                         memory["available_by"])
            << "\n";
  if (plan.memory.shared_memory_bytes > 0) {
    std::cout << fmt::format("of a node in /dev/shm: {}\n",
                             format_bytes(plan.memory.shared_memory_bytes));
  }
  print_remedies(memory["remedies"], "node_bytes");
  if (report.contains("gpu")) print_gpu(report["gpu"]);
  std::cout << "\n";
  OrderedJson rest = report;
  for (const char* shown : {"model", "memory", "gpu"}) rest.erase(shown);
  print_report(rest, false);
}

}  // namespace

int plan_command(const CommandLine& line) {
  refuse_contradictions(line);
  const RunConfig config =
      read_run_config(line.get("RUN.yaml"), ConfigOverride::all_from_text(line.texts("set")));
  const Machine machine = machine_of(line, config.slurm);
  const RunPlan plan = make_run_plan(config, machine.num_ranks, machine.ranks_per_node);
  OrderedJson report = {{"model", model_report(plan)},
                        {"memory", memory_report(plan, machine.memory)}};
  if (machine.gpu_bytes > 0) report["gpu"] = gpu_memory_report(plan, machine.gpu_bytes);
  report["disk"] = disk_report(plan);
  report["training"] = plan.training.to_json();
  report["flops"] = flops_report(plan);
  if (const auto rate = line.find<double>("flops")) {
    if (!(*rate > 0.0)) line.refuse("--flops must be positive");
    report["time"] = time_report(plan, *rate);
  }
  if (line.has("json")) {
    print_report(report, true);
  } else {
    print_plan(plan, report);
  }
  return kExitDone;
}

}  // namespace temper

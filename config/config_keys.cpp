#include "config/config_keys.h"

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

const Choices<BasePlacement> kBasePlacements = {{"node_shared", BasePlacement::kNodeShared},
                                                {"replicated", BasePlacement::kReplicated},
                                                {"sharded", BasePlacement::kSharded}};
const Choices<GradientReduction> kReductions = {{"each_round", GradientReduction::kEachRound},
                                                {"once_per_step", GradientReduction::kOncePerStep}};
const Choices<SaveErrorPolicy> kSaveErrorPolicies = {{"continue", SaveErrorPolicy::kContinue},
                                                     {"stop", SaveErrorPolicy::kStop}};
const Choices<ForgettingPolicy> kForgettingPolicies = {{"stop", ForgettingPolicy::kStop},
                                                       {"warn", ForgettingPolicy::kWarn}};
const Choices<BadStepPolicy> kBadStepPolicies = {{"stop", BadStepPolicy::kStop},
                                                 {"skip", BadStepPolicy::kSkip},
                                                 {"rollback", BadStepPolicy::kRollback}};
const Choices<DeviceChoice> kDevices = {
    {"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}};
const Choices<std::string> kAdapters = {{"lora", "lora"}, {"full", ""}, {"none", ""}, {"", ""}};
// Warm-up goes before each of them, so the name with warm-up means the same.
const Choices<std::string> kSchedulers = {{"constant", "constant"},
                                          {"linear", "linear"},
                                          {"cosine", "cosine"},
                                          {"constant_with_warmup", "constant"}};

// A key in the making: the table below reads as name, meaning, type, example.
class KeyTable {
 public:
  void section(const std::string& name, const std::string& prefix = "") {
    section_ = name;
    prefix_ = prefix;
  }

  void integer(const char* name, int64_t RunConfig::*field, const char* meaning,
               const char* example = "") {
    add(
        name, meaning, example,
        [field](const ConfigValue& v, RunConfig& c) { c.*field = read_integer(v); },
        [field](const RunConfig& c) { return std::to_string(c.*field); });
  }
  void number(const char* name, double RunConfig::*field, const char* meaning,
              const char* example = "") {
    add(
        name, meaning, example,
        [field](const ConfigValue& v, RunConfig& c) { c.*field = read_number(v); },
        [field](const RunConfig& c) { return fmt::format("{}", c.*field); });
  }
  void boolean(const char* name, bool RunConfig::*field, const char* meaning,
               const char* example = "") {
    add(
        name, meaning, example,
        [field](const ConfigValue& v, RunConfig& c) { c.*field = read_boolean(v); },
        [field](const RunConfig& c) { return std::string(c.*field ? "true" : "false"); });
  }
  void path(const char* name, std::filesystem::path RunConfig::*field, const char* meaning,
            const char* example) {
    add(
        name, meaning, example,
        [field](const ConfigValue& v, RunConfig& c) { c.*field = read_path(v); },
        [field](const RunConfig& c) { return yaml_text((c.*field).string()); });
  }
  void datasets(const char* name, std::vector<DatasetEntry> RunConfig::*field, const char* meaning,
                const char* example = "") {
    add(
        name, meaning, example,
        [field](const ConfigValue& v, RunConfig& c) { c.*field = read_dataset_entries(v); },
        [field](const RunConfig& c) { return yaml_dataset_entries(c.*field); });
  }
  template <typename Choice>
  void choice(const char* name, Choice RunConfig::*field, const Choices<Choice>& choices,
              const char* meaning, const char* example = "") {
    add(
        name, meaning, example,
        [field, &choices](const ConfigValue& v, RunConfig& c) {
          c.*field = read_choice(v, choices);
        },
        [field, &choices](const RunConfig& c) { return choice_name(c.*field, choices); });
  }
  void slurm_integer(const char* name, int64_t SlurmConfig::*field, const char* meaning) {
    add(
        name, meaning, "",
        [field](const ConfigValue& v, RunConfig& c) { c.slurm.*field = read_integer(v); },
        [field](const RunConfig& c) { return std::to_string(c.slurm.*field); });
  }
  void slurm_text(const char* name, std::string SlurmConfig::*field, const char* meaning) {
    add(
        name, meaning, "",
        [field](const ConfigValue& v, RunConfig& c) { c.slurm.*field = read_text(v); },
        [field](const RunConfig& c) { return yaml_text(c.slurm.*field); });
  }
  void slurm_lines(const char* name, std::vector<std::string> SlurmConfig::*field,
                   const char* meaning) {
    add(
        name, meaning, "",
        [field](const ConfigValue& v, RunConfig& c) { c.slurm.*field = read_lines(v); },
        [field](const RunConfig& c) { return yaml_texts(c.slurm.*field); });
  }
  void add(const char* name, const char* meaning, const char* example,
           std::function<void(const ConfigValue&, RunConfig&)> read,
           std::function<std::string(const RunConfig&)> write) {
    keys.push_back({prefix_ + name, section_, meaning, std::move(read), std::move(write), example});
  }

  std::vector<ConfigKey> keys;

 private:
  std::string section_;
  std::string prefix_;
};

void add_model_keys(KeyTable& table) {
  table.section("Model");
  table.path("base_model", &RunConfig::base_model,
             "The base: a local Hugging Face directory (config.json, safetensors, tokenizer).",
             "models/base");
  table.choice("adapter", &RunConfig::adapter, kAdapters,
               "lora: train a low-rank adapter beside a frozen base. full: train every weight.",
               "lora");
  table.integer("lora_r", &RunConfig::lora_r, "Rank of the adapter.", "16");
  table.number("lora_alpha", &RunConfig::lora_alpha,
               "The adapter's output is scaled by lora_alpha / lora_r.", "32");
  table.number("lora_dropout", &RunConfig::lora_dropout, "Dropout before the adapter.");
  table.boolean("use_rslora", &RunConfig::use_rslora,
                "Scale by lora_alpha / sqrt(lora_r) instead.");
  table.add(
      "lora_target_modules",
      "Linear layers that get an adapter, e.g. [q_proj, v_proj]; all-linear: each of the blocks.",
      "",
      [](const ConfigValue& value, RunConfig& config) {
        config.lora_target_modules = read_texts(value);
        // LLaMA-Factory's word.
        if (config.lora_target_modules == std::vector<std::string>{"all"}) {
          config.lora_target_modules = {"all-linear"};
        }
      },
      [](const RunConfig& config) { return yaml_texts(config.lora_target_modules); });
  table.add(
      "lora_modules_to_save",
      "Trained in full beside the adapter: [embed_tokens, lm_head], or one of them. For new "
      "tokens; "
      "costs as much memory as full training of them.",
      "",
      [](const ConfigValue& value, RunConfig& config) {
        config.lora_modules_to_save = read_texts(value);
      },
      [](const RunConfig& config) { return yaml_texts(config.lora_modules_to_save); });
  table.add(
      "lora_model_dir",
      "Go on with this adapter (a PEFT directory) instead of a fresh one. Its rank, alpha, targets "
      "and modules to save hold: leave those keys out.",
      "",
      [](const ConfigValue& value, RunConfig& config) {
        const bool is_empty = value.node.kind == YamlNode::Kind::kScalar && value.node.text.empty();
        config.lora_model_dir = is_empty ? std::filesystem::path() : read_path(value);
      },
      [](const RunConfig& config) { return yaml_text(config.lora_model_dir.string()); });
  table.choice("base_placement", &RunConfig::base_placement, kBasePlacements,
               "Where the frozen base lies: node_shared (one copy a node, mapped by its ranks), "
               "replicated (one a rank) or sharded (one over all ranks).");
}

void add_data_keys(KeyTable& table) {
  table.section("Data (files made by `temper pack`; relative to this file)");
  table.datasets(
      "datasets", &RunConfig::datasets,
      "What to train on. weight: times that each row is seen in an epoch; 0.5: every other "
      "epoch. share instead: of an epoch's rows, so many from it; general text with share: 0.05 is "
      "replay against forgetting.",
      "\n  - {path: data/train.h5, weight: 1}");
  table.datasets("test_datasets", &RunConfig::test_datasets,
                 "Held-out records of the domain: their loss tells what was learned.");
  table.datasets("general_datasets", &RunConfig::general_datasets,
                 "Text of everything else: its loss tells what was forgotten.");
  table.integer("sequence_len", &RunConfig::sequence_len,
                "Tokens of a row; 0: what the datasets were packed with. Another number than "
                "theirs is an error.");
  table.boolean("shuffle", &RunConfig::shuffle, "A new order in every epoch, derived from seed.");
}

void add_optimisation_keys(KeyTable& table) {
  table.section("Optimisation");
  table.integer("micro_batch_size", &RunConfig::micro_batch_size,
                "Rows that one rank computes at once. It decides the memory, not the result's "
                "quality.",
                "1");
  table.integer("global_batch_size", &RunConfig::global_batch_size,
                "Rows of an optimizer step, over all ranks: a multiple of micro_batch_size. The "
                "result does not depend on the number of ranks.",
                "16");
  table.add(
      "gradient_accumulation_steps",
      "Instead of global_batch_size: micro-batches of a step, over all ranks together (other "
      "trainers count those of one rank).",
      "",
      [](const ConfigValue& value, RunConfig& config) {
        config.gradient_accumulation_steps = read_integer(value);
      },
      [](const RunConfig&) { return std::string(); });
  table.number("num_epochs", &RunConfig::num_epochs, "Times that every row is seen.", "3");
  table.integer("max_steps", &RunConfig::max_steps,
                "Optimizer steps; 0: as many as num_epochs needs.");
  table.number("learning_rate", &RunConfig::learning_rate,
               "Highest learning rate. LoRA: around 2e-4; full: around 1e-5.", "2e-4");
  table.choice("lr_scheduler", &RunConfig::lr_scheduler, kSchedulers,
               "constant, linear or cosine, after the warm-up.");
  table.integer("warmup_steps", &RunConfig::warmup_steps,
                "Steps in which the learning rate rises from 0.");
  table.number("warmup_ratio", &RunConfig::warmup_ratio,
               "Instead of warmup_steps: their share of all steps.", "0.03");
  table.number("min_lr_ratio", &RunConfig::min_lr_ratio,
               "Where linear and cosine end, relative to learning_rate.");
  table.number("weight_decay", &RunConfig::weight_decay, "AdamW's decoupled weight decay.");
  table.number("adam_beta1", &RunConfig::adam_beta1, "AdamW: memory of the gradient.");
  table.number("adam_beta2", &RunConfig::adam_beta2, "AdamW: memory of its square.");
  table.number("adam_epsilon", &RunConfig::adam_epsilon, "AdamW: added to the root.");
  table.number("max_grad_norm", &RunConfig::max_grad_norm,
               "The gradient is scaled down to this global norm; 0: never.");
  table.choice("on_non_finite", &RunConfig::on_non_finite, kBadStepPolicies,
               "When the loss or the gradient is not finite: stop; skip the update; or rollback to "
               "the last checkpoint and leave those rows out.");
  table.number("spike_factor", &RunConfig::spike_factor,
               "A loss or gradient norm above so many times the median of the last 32 steps is a "
               "spike; 0: nothing is.");
  table.integer("spike_patience", &RunConfig::spike_patience,
                "Spikes in a row until on_spike: one alone is often harmless.");
  table.choice("on_spike", &RunConfig::on_spike, kBadStepPolicies,
               "skip, rollback (to before the first of them) or stop.");
  table.integer("max_rollbacks", &RunConfig::max_rollbacks, "Of a run; then it stops.");
  table.boolean("bf16", &RunConfig::bf16,
                "Compute in bf16, with weights and optimizer state in fp32 (CUDA only).");
  table.boolean("gradient_checkpointing", &RunConfig::gradient_checkpointing,
                "Keep only each block's input and compute the rest again: less memory, a third "
                "slower.");
  table.integer("gradient_checkpointing_every", &RunConfig::gradient_checkpointing_every,
                "With gradient_checkpointing: of so many blocks, one is computed again.");
  table.add(
      "seed", "Decides the order of rows, the adapter's first weights and dropout.", "",
      [](const ConfigValue& value, RunConfig& config) { config.seed = read_unsigned(value); },
      [](const RunConfig& config) { return std::to_string(config.seed); });
}

void add_progress_keys(KeyTable& table) {
  table.section("Evaluation, logging, saving");
  table.integer("eval_steps", &RunConfig::eval_steps,
                "Evaluate every so many steps; 0: only at the end.");
  table.integer("logging_steps", &RunConfig::logging_steps, "Report every so many steps.");
  table.integer("save_steps", &RunConfig::save_steps,
                "Checkpoint every so many steps; 0: by time alone.");
  table.number("save_minutes", &RunConfig::save_minutes,
               "Checkpoint when the last one is so many minutes old, if possible after an "
               "evaluation; 0: only by save_steps, at the end and on a signal. Given beside "
               "save_steps, both count; with save_steps alone, only that.");
  table.integer("save_total_limit", &RunConfig::save_total_limit,
                "Complete checkpoints to keep; 0: all. The two newest and the one with the best "
                "test loss stay always.");
  table.boolean(
      "async_save", &RunConfig::async_save,
      "Write checkpoints while training goes on, from a copy of the state (12 bytes per "
      "trained parameter, divided by the ranks of a replica); false: training waits, without the "
      "copy.");
  table.choice("on_save_error", &RunConfig::on_save_error, kSaveErrorPolicies,
               "When a checkpoint cannot be written: continue on the one before, or stop.");
  table.add(
      "max_wall_time",
      "Seconds or H:MM:SS from the start, in time before which the run stops with a checkpoint "
      "(exit code 75); 0: no limit.",
      "",
      [](const ConfigValue& value, RunConfig& config) {
        config.max_wall_time = read_duration(value);
      },
      [](const RunConfig& config) { return std::to_string(config.max_wall_time); });
  table.add(
      "stall_timeout",
      "Seconds or H:MM:SS. A rank that makes no progress for so long ends the job with a line that "
      "names it (exit code 76); three times as long while it loads or waits for a checkpoint; 0: "
      "never.",
      "",
      [](const ConfigValue& value, RunConfig& config) {
        config.stall_timeout = read_duration(value);
      },
      [](const RunConfig& config) { return std::to_string(config.stall_timeout); });
  table.integer("check_replicas_every", &RunConfig::check_replicas_every,
                "Steps between comparisons of what several ranks hold alike (replicas, copies of a "
                "frozen base); the run stops when one differs; 0: never.");
  table.integer("early_stopping_patience", &RunConfig::early_stopping_patience,
                "Stop after so many evaluations without improvement; 0: never.");
  table.number("max_forgetting", &RunConfig::max_forgetting,
               "Budget: how much the loss over general_datasets may rise above the base's (0.05: "
               "5 %); 0: none. It decides which checkpoint is the best.");
  table.choice("on_forgetting", &RunConfig::on_forgetting, kForgettingPolicies,
               "When an evaluation is over that budget: stop training, or warn and go on.");
  table.path("output_dir", &RunConfig::output_dir,
             "Checkpoints, metrics and the resolved configuration of this run.", "runs/first");
}

void add_sharding_keys(KeyTable& table) {
  table.section("Sharding (the defaults suit one node, and most clusters)");
  table.integer("dp_shard_size", &RunConfig::dp_shard_size,
                "Ranks that share one copy of weights, gradients and optimizer state; 0: ranks / "
                "dp_replicate_size.");
  table.integer("dp_replicate_size", &RunConfig::dp_replicate_size,
                "Copies of that state: with one a node, weights never travel between nodes.");
  table.boolean("reshard_after_forward", &RunConfig::reshard_after_forward,
                "Free gathered weights after each use; false: keep them whole until the update.");
  table.choice("reduce_gradients", &RunConfig::reduce_gradients, kReductions,
               "each_round (the same bits on any number of ranks) or once_per_step (fewer bytes, "
               "one more copy of the gradients a rank).");
}

void add_job_life_keys(KeyTable& table) {
  table.add(
      "launcher",
      "What starts the ranks: auto (srun where it has a PMIx plugin, else mpirun), srun, mpirun.",
      "",
      [](const ConfigValue& v, RunConfig& c) {
        c.slurm.launcher = read_choice(v, kLauncherChoices);
      },
      [](const RunConfig& c) { return choice_name(c.slurm.launcher, kLauncherChoices); });
  table.slurm_integer("signal_seconds", &SlurmConfig::signal_seconds,
                      "So long before the time limit the run is told to save and stop. A step and "
                      "a checkpoint must fit.");
  table.slurm_integer("max_requeues", &SlurmConfig::max_requeues,
                      "Times in a row that the job is queued again without a new checkpoint; 0: "
                      "it is never queued again.");
  table.slurm_integer("max_restarts", &SlurmConfig::max_restarts,
                      "Restarts in a row after crashes without a new checkpoint.");
  table.add(
      "exclude_failed_nodes",
      "After a crash, go on in a further job without the node of the rank that crashed.", "",
      [](const ConfigValue& v, RunConfig& c) { c.slurm.exclude_failed_nodes = read_boolean(v); },
      [](const RunConfig& c) {
        return std::string(c.slurm.exclude_failed_nodes ? "true" : "false");
      });
}

void add_sweep_key(KeyTable& table) {
  table.section("Sweep (`temper submit` makes an array job of it)");
  table.add(
      "sweep",
      "One run for each combination, e.g. {learning_rate: [1e-4, 2e-4]}, each in a directory of "
      "its own below output_dir.",
      "", [](const ConfigValue& v, RunConfig& c) { c.sweep = read_sweep(v); },
      [](const RunConfig& c) { return yaml_sweep(c.sweep); });
}

void add_machine_keys(KeyTable& table) {
  table.section("Machine");
  table.choice("device", &RunConfig::device, kDevices, "auto, cpu or cuda.");
  table.integer("threads_per_rank", &RunConfig::threads_per_rank,
                "CPU threads of each rank. Another number gives other last bits.");
  table.section("Slurm (for the batch script; empty: the site's own choice)", "slurm.");
  table.slurm_integer("nodes", &SlurmConfig::nodes, "Nodes of the job.");
  table.slurm_integer("ntasks_per_node", &SlurmConfig::ntasks_per_node,
                      "Ranks of a node: its GPUs, or a few on a CPU node.");
  table.slurm_integer("cpus_per_task", &SlurmConfig::cpus_per_task, "Cores of a rank.");
  table.slurm_integer("gpus_per_node", &SlurmConfig::gpus_per_node, "GPUs of a node.");
  table.slurm_text("time", &SlurmConfig::time, "Time limit, e.g. 24:00:00.");
  table.slurm_text("partition", &SlurmConfig::partition, "Partition.");
  table.slurm_text("account", &SlurmConfig::account, "Account that is charged.");
  table.slurm_text("qos", &SlurmConfig::qos, "Quality of service.");
  table.slurm_text("constraint", &SlurmConfig::constraint, "Features that nodes must have.");
  table.slurm_text("mem", &SlurmConfig::mem, "Memory of a node, e.g. 64G.");
  table.slurm_lines("modules", &SlurmConfig::modules, "Modules to load first.");
  table.slurm_text("container", &SlurmConfig::container,
                   "Apptainer image that the ranks run in; temper-rank must be on its PATH.");
  table.add(
      "env", "Variables to set first: {NAME: VALUE}.", "",
      [](const ConfigValue& v, RunConfig& c) { c.slurm.env = read_assignments(v); },
      [](const RunConfig& c) { return yaml_texts(c.slurm.env); });
  table.slurm_lines("extra", &SlurmConfig::extra,
                    "Further options of sbatch, e.g. [\"--reservation=maint\"].");
  add_job_life_keys(table);
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> kKeys = [] {
    KeyTable table;
    add_model_keys(table);
    add_data_keys(table);
    add_optimisation_keys(table);
    add_progress_keys(table);
    add_sharding_keys(table);
    add_sweep_key(table);
    add_machine_keys(table);
    return table.keys;
  }();
  return kKeys;
}

const ConfigKey* find_config_key(const std::string& name) {
  const auto& keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::vector<std::string> config_key_names(const std::string& prefix) {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    if (!key.name.starts_with(prefix)) continue;
    const std::string name = key.name.substr(prefix.size());
    const std::string first = name.substr(0, name.find('.'));
    if (names.empty() || names.back() != first) names.push_back(first);
  }
  return names;
}

}  // namespace temper

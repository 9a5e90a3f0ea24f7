// Everything a run is told, as one plain struct: what `run.yaml` says, with the names that axolotl
// and Hugging Face made familiar. Each component gets its own section by const reference.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/config_overrides.h"

namespace temper {

struct DatasetEntry {
  std::filesystem::path path;  // a file made by `temper pack`; relative to the YAML file
  double weight = 1.0;         // times that each of its rows is seen in an epoch
  double share = 0.0;          // of an epoch's rows; above 0 it decides the weight

  bool operator==(const DatasetEntry&) const = default;
};

// Where a LoRA run keeps the frozen base.
enum class BasePlacement {
  kNodeShared,  // one read-only copy per node, mapped by every rank
  kReplicated,  // one copy per rank
  kSharded,     // each rank holds 1/ranks of each block, gathered while it runs
};

// When the ranks' gradients are added up.
enum class GradientReduction {
  kEachRound,    // after each micro-batch of a rank: the same bits on any number of ranks
  kOncePerStep,  // fewer bytes, one more copy of the gradients a rank
};

// What follows when a checkpoint could not be written while training goes on.
enum class SaveErrorPolicy { kContinue, kStop };

// What follows when the general loss has risen by more than max_forgetting.
enum class ForgettingPolicy { kStop, kWarn };

// What happens to a step whose loss or gradient is not finite, or far above the usual.
enum class BadStepPolicy {
  kStop,
  kSkip,      // no update; training goes on with the next rows
  kRollback,  // to a checkpoint from before, and past the rows
};

enum class DeviceChoice { kAuto, kCpu, kCuda };

// The program that starts the ranks inside an allocation.
enum class LauncherChoice { kAuto, kMpirun, kSrun };
inline const std::vector<std::pair<const char*, LauncherChoice>> kLauncherChoices = {
    {"auto", LauncherChoice::kAuto},
    {"mpirun", LauncherChoice::kMpirun},
    {"srun", LauncherChoice::kSrun}};

// What the batch script asks Slurm for, and how the job goes on after a stop or a crash. An empty
// text leaves the choice to the site.
struct SlurmConfig {
  int64_t nodes = 1;
  int64_t ntasks_per_node = 1;  // ranks of a node
  int64_t cpus_per_task = 1;
  int64_t gpus_per_node = 0;
  std::string time;  // "24:00:00"
  std::string partition;
  std::string account;
  std::string qos;
  std::string constraint;
  std::string mem;                   // of a node: "64G"
  std::vector<std::string> modules;  // for `module load`
  std::string container;             // Apptainer image that the ranks run in
  std::vector<std::string> env;      // "NAME=VALUE"
  std::vector<std::string> extra;    // further #SBATCH options: "--reservation=maint"
  LauncherChoice launcher = LauncherChoice::kAuto;
  int64_t signal_seconds = 300;  // before the time limit, the run is told to stop
  int64_t max_requeues = 3;      // in a row that brought no new checkpoint
  int64_t max_restarts = 2;      // after crashes in a row that brought no new checkpoint
  bool exclude_failed_nodes = false;

  bool operator==(const SlurmConfig&) const = default;
};

struct SweepKey {
  std::string key;  // "learning_rate"
  std::vector<std::string> values;

  bool operator==(const SweepKey&) const = default;
};

// The highest learning rate where run.yaml gives none: full fine-tuning forgets more at a high one.
inline constexpr double kLoraLearningRate = 2e-4;
inline constexpr double kFullLearningRate = 1e-5;

struct RunConfig {
  // --- model -----------------------------------------------------------------------------------
  // Hugging Face directory: config.json, safetensors, a tokenizer. Required.
  std::filesystem::path base_model;
  // "lora", or empty for full fine-tuning.
  std::string adapter;
  int64_t lora_r = 16;
  double lora_alpha = 32.0;
  double lora_dropout = 0.0;
  // Linear modules that get an adapter, or {"all-linear"}.
  std::vector<std::string> lora_target_modules = {"all-linear"};
  bool use_rslora = false;
  // These train in full beside the adapter: embed_tokens, lm_head or both.
  std::vector<std::string> lora_modules_to_save;
  // PEFT directory of an adapter to go on with; empty: a fresh one. It decides the keys above.
  std::filesystem::path lora_model_dir;
  std::set<std::string> lora_keys_given;  // with lora_model_dir: those that run.yaml has, too
  BasePlacement base_placement = BasePlacement::kNodeShared;

  // --- data ------------------------------------------------------------------------------------
  std::vector<DatasetEntry> datasets;          // required, at least one
  std::vector<DatasetEntry> test_datasets;     // held-out loss of the domain
  std::vector<DatasetEntry> general_datasets;  // held-out loss of what must not be forgotten
  // Tokens of a row. 0: whatever the datasets were packed with; else it must agree with them.
  int64_t sequence_len = 0;
  bool shuffle = true;

  // --- optimisation ----------------------------------------------------------------------------
  int64_t micro_batch_size = 1;   // rows that one rank computes at once
  int64_t global_batch_size = 0;  // rows of an optimizer step, over all ranks; 0: see below
  // Micro-batches of a step, over all ranks: global_batch_size / micro_batch_size. Give one of the
  // two; the other follows. With neither, 1.
  int64_t gradient_accumulation_steps = 0;
  // The trainer whose names run.yaml says the batch in, where its own gives another batch on
  // several ranks: "axolotl", "transformers"; else empty. See config/batch_note.h.
  std::string batch_counted_by;
  double num_epochs = 1.0;
  int64_t max_steps = 0;  // 0: as many as num_epochs needs
  double learning_rate = kFullLearningRate;
  std::string lr_scheduler = "cosine";  // "constant", "linear", "cosine"
  int64_t warmup_steps = 0;
  double warmup_ratio = 0.0;  // share of all steps; used when warmup_steps is 0
  double min_lr_ratio = 0.0;  // where linear and cosine end, relative to learning_rate
  double weight_decay = 0.0;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1.0;  // 0: no clipping
  BadStepPolicy on_non_finite = BadStepPolicy::kStop;
  // A loss or gradient norm above so many times the median of late is a spike; 0: none is.
  double spike_factor = 0.0;
  int64_t spike_patience = 1;  // steps in a row until something is done about it
  BadStepPolicy on_spike = BadStepPolicy::kSkip;
  int64_t max_rollbacks = 3;  // of a run
  bool bf16 = false;          // compute in bf16 with fp32 master weights (CUDA only)
  bool gradient_checkpointing = false;
  int64_t gradient_checkpointing_every = 1;  // of so many blocks, one is computed again
  uint64_t seed = 42;

  // --- evaluation, logging, saving -------------------------------------------------------------
  int64_t eval_steps = 0;  // 0: only at the end
  int64_t logging_steps = 10;
  // With both 0 only at the end, and on a signal. Where save_steps is given and save_minutes is
  // not, that is 0.
  int64_t save_steps = 0;        // 0: not by steps
  double save_minutes = 15.0;    // since the last checkpoint; 0: not by time
  int64_t save_total_limit = 2;  // complete checkpoints to keep; 0: all
  bool async_save = true;        // write while training goes on, from a copy of the state
  SaveErrorPolicy on_save_error = SaveErrorPolicy::kContinue;
  int64_t max_wall_time = 0;            // seconds; 0: no limit
  int64_t stall_timeout = 600;          // seconds that a rank may make no progress; 0: no limit
  int64_t check_replicas_every = 100;   // steps; 0: never
  int64_t early_stopping_patience = 0;  // evaluations without improvement; 0: off
  double max_forgetting = 0.0;          // relative rise of the general loss; 0: no budget
  ForgettingPolicy on_forgetting = ForgettingPolicy::kStop;
  std::filesystem::path output_dir;  // required

  // --- sharding --------------------------------------------------------------------------------
  int64_t dp_shard_size = 0;      // ranks that share one copy of the state; 0: all of a replica
  int64_t dp_replicate_size = 1;  // copies of the sharded state
  bool reshard_after_forward = true;
  GradientReduction reduce_gradients = GradientReduction::kEachRound;

  // --- machine ---------------------------------------------------------------------------------
  DeviceChoice device = DeviceChoice::kAuto;
  int64_t threads_per_rank = 1;  // CPU threads of each rank; part of the same-bits promise
  SlurmConfig slurm;
  // Runs that differ in these keys' values, one for each combination, each in a directory of its
  // own below output_dir: key and values as YAML texts, in the order of the file.
  std::vector<SweepKey> sweep;

  bool is_lora() const { return adapter == "lora"; }
  int64_t micro_batches_per_step() const { return global_batch_size / micro_batch_size; }
  bool operator==(const RunConfig&) const = default;
};

// Reads and validates. UserError naming file, line, key, value and, for an unknown key, the nearest
// known one. Relative paths are relative to the file's directory and come back absolute; "~/" is
// the user's home. The names that other trainers use are accepted (the aliases of
// config/config_keys.h). Of global_batch_size and gradient_accumulation_steps both are filled in.
RunConfig read_run_config(const std::filesystem::path& path,
                          const std::vector<ConfigOverride>& overrides = {});

// The group `slurm:` alone, read and validated; nothing else of the file is looked at, so that it
// may name datasets that are still to be packed.
SlurmConfig read_slurm_config(const std::filesystem::path& path,
                              const std::vector<ConfigOverride>& overrides = {});

}  // namespace temper

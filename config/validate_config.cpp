#include "config/validate_config.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "common/error.h"
#include "config/config_keys.h"

namespace temper {
namespace {

constexpr std::array<const char*, 7> kLoraKeys = {
    "lora_r",     "lora_alpha",           "lora_dropout",  "lora_target_modules",
    "use_rslora", "lora_modules_to_save", "lora_model_dir"};
constexpr size_t kMaxSweepRuns = 1000;
constexpr int64_t kMaxCount = int64_t{1} << 40;

class Validator {
 public:
  Validator(RunConfig& config, const KeyPlaces& places, const std::string& file)
      : config_(config), places_(places), file_(file) {}

  void check() {
    check_model();
    check_datasets();
    complete_batch();
    check_schedule();
    check_optimizer();
    check_save_minutes();
    check_progress();
    check_machine();
    check_slurm();
    check_sweep();
  }

  // These go into a batch script: what could break out of its line is refused.
  void check_slurm() const {
    const SlurmConfig& slurm = config_.slurm;
    require_range<int64_t>("slurm.nodes", slurm.nodes, 1, 1 << 20);
    require_range<int64_t>("slurm.ntasks_per_node", slurm.ntasks_per_node, 1, 1 << 16);
    require_range<int64_t>("slurm.cpus_per_task", slurm.cpus_per_task, 1, 1 << 16);
    require_range<int64_t>("slurm.gpus_per_node", slurm.gpus_per_node, 0, 1 << 16);
    const std::pair<const char*, const std::string&> words[] = {
        {"slurm.time", slurm.time},
        {"slurm.partition", slurm.partition},
        {"slurm.account", slurm.account},
        {"slurm.qos", slurm.qos},
        {"slurm.constraint", slurm.constraint},
        {"slurm.mem", slurm.mem}};
    for (const auto& [key, word] : words) require_word(key, word);
    for (const std::string& module : slurm.modules) require_word("slurm.modules", module);
    for (const std::string& option : slurm.extra) {
      if (!option.starts_with("-")) {
        refuse("slurm.extra", "has \"{}\"; an option of sbatch begins with \"-\"", option);
      }
      require_word("slurm.extra", option);
    }
    for (const std::string& assignment : slurm.env) check_assignment(assignment);
    require_printable("slurm.container", slurm.container);
    require_range<int64_t>("slurm.signal_seconds", slurm.signal_seconds, 1, 65535);
    require_range<int64_t>("slurm.max_requeues", slurm.max_requeues, 0, 1 << 20);
    require_range<int64_t>("slurm.max_restarts", slurm.max_restarts, 0, 1 << 20);
  }

 private:
  bool given(const std::string& key) const { return places_.count(key) != 0; }

  template <typename... Args>
  [[noreturn]] void refuse(const std::string& key, fmt::format_string<Args...> format,
                           Args&&... args) const {
    const auto found = places_.find(key);
    throw UserError("{}: {} {}", found == places_.end() ? file_ : found->second, key,
                    fmt::format(format, std::forward<Args>(args)...));
  }

  template <typename Number>
  void require_range(const std::string& key, Number value, Number lowest, Number highest) const {
    if (value >= lowest && value <= highest) return;
    if (value < lowest) refuse(key, "is {}; it must be at least {}", value, lowest);
    refuse(key, "is {}; it must be at most {}", value, highest);
  }
  // [lowest, below)
  void require_below(const std::string& key, double value, double lowest, double below) const {
    if (value >= lowest && value < below) return;
    refuse(key, "is {}; it must be at least {} and below {}", value, lowest, below);
  }
  void require_positive(const std::string& key, double value) const {
    if (!(value > 0.0)) refuse(key, "is {}; it must be above 0", value);
  }
  void require_count(const std::string& key, int64_t value, int64_t lowest = 0) const {
    require_range<int64_t>(key, value, lowest, kMaxCount);
  }

  void check_model() {
    check_base_model();
    if (!given("adapter")) {
      for (const char* key : kLoraKeys) {
        if (given(key)) refuse(key, "is given, but adapter is not: write adapter: lora");
      }
    }
    check_lora_model_dir();
    require_range<int64_t>("lora_r", config_.lora_r, 1, 1 << 16);
    require_positive("lora_alpha", config_.lora_alpha);
    require_below("lora_dropout", config_.lora_dropout, 0.0, 1.0);
    if (config_.lora_target_modules.empty()) refuse("lora_target_modules", "names no module");
    require_count("dp_shard_size", config_.dp_shard_size);
    require_count("dp_replicate_size", config_.dp_replicate_size, 1);
    require_count("gradient_checkpointing_every", config_.gradient_checkpointing_every, 1);
    require_range<int64_t>("threads_per_rank", config_.threads_per_rank, 1, 4096);
  }

  void check_save_minutes() {
    if (config_.save_steps > 0 && !given("save_minutes")) config_.save_minutes = 0.0;
    constexpr double kMaxMinutes = 1e9;
    if (!(config_.save_minutes >= 0.0 && config_.save_minutes <= kMaxMinutes)) {
      refuse("save_minutes", "is {}; it must be at least 0, and at most {}", config_.save_minutes,
             kMaxMinutes);
    }
  }

  void check_lora_model_dir() {
    const std::filesystem::path& directory = config_.lora_model_dir;
    if (directory.empty()) return;
    std::error_code error;
    if (!config_.is_lora()) {
      refuse("lora_model_dir",
             "is given, but adapter is not lora: a full fine-tune has no adapter");
    }
    if (!std::filesystem::exists(directory / "adapter_config.json", error)) {
      refuse("lora_model_dir", "is {}, which holds no adapter_config.json: give a PEFT directory",
             directory.string());
    }
    for (const char* key : kLoraKeys) {
      if (given(key)) config_.lora_keys_given.insert(key);
    }
  }

  void check_base_model() const {
    namespace fs = std::filesystem;
    if (config_.base_model.empty())
      refuse("base_model", "is missing: name the model to start from");
    std::error_code error;
    const std::string& path = config_.base_model.string();
    if (!fs::exists(config_.base_model, error)) {
      refuse("base_model",
             "is {}, which does not exist (nothing is downloaded: give a local "
             "directory)",
             path);
    }
    if (!fs::is_directory(config_.base_model, error)) {
      refuse("base_model", "is {}, which is no directory: give the one that holds config.json",
             path);
    }
    if (!fs::exists(config_.base_model / "config.json", error)) {
      refuse("base_model", "is {}, which holds no config.json", path);
    }
  }

  void check_datasets() const {
    if (config_.datasets.empty()) {
      refuse("datasets", "is missing: name at least one file made by `temper pack`");
    }
    check_entries("datasets", config_.datasets);
    check_shares();
    check_entries("test_datasets", config_.test_datasets);
    check_entries("general_datasets", config_.general_datasets);
    require_count("sequence_len", config_.sequence_len);
    if (config_.sequence_len == 1) refuse("sequence_len", "is 1; a row needs at least 2 tokens");
  }

  // "train.h5" may stand for "train-00000-of-00004.h5" and its like.
  static bool has_shards(const std::filesystem::path& path) {
    const std::string before = path.stem().string() + "-00000-of-";
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), error)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind(before, 0) == 0 && entry.path().extension() == path.extension()) return true;
    }
    return false;
  }

  void check_entries(const std::string& key, const std::vector<DatasetEntry>& entries) const {
    for (const DatasetEntry& entry : entries) {
      std::error_code error;
      if (!std::filesystem::exists(entry.path, error) && !has_shards(entry.path)) {
        refuse(key, "names {}, which does not exist", entry.path.string());
      }
      if (std::filesystem::is_directory(entry.path, error)) {
        refuse(key, "names {}, which is a directory: give a file made by `temper pack`",
               entry.path.string());
      }
      if (!(entry.weight > 0.0)) {
        refuse(key, "gives {} the weight {}; it must be above 0", entry.path.string(),
               entry.weight);
      }
    }
  }

  void check_shares() const {
    double shares = 0.0;
    bool any_without = config_.datasets.empty();
    for (const DatasetEntry& entry : config_.datasets) {
      shares += entry.share;
      any_without = any_without || entry.share == 0.0;
    }
    if (!any_without || shares >= 1.0) {
      refuse("datasets",
             "gives shares of {} together; at least one dataset must have a weight, and "
             "the shares must leave room for it",
             shares);
    }
  }

  void complete_batch() {
    const int64_t micro = config_.micro_batch_size;
    require_range<int64_t>("micro_batch_size", micro, 1, 1 << 20);
    int64_t& global = config_.global_batch_size;
    int64_t& accumulation = config_.gradient_accumulation_steps;
    if (given("global_batch_size")) require_count("global_batch_size", global, 1);
    if (given("gradient_accumulation_steps")) {
      require_range<int64_t>("gradient_accumulation_steps", accumulation, 1, 1 << 20);
    }
    if (global == 0) global = micro * std::max<int64_t>(accumulation, 1);
    if (global % micro != 0) {
      refuse("global_batch_size", "is {}, which is no multiple of micro_batch_size {}", global,
             micro);
    }
    if (accumulation == 0) accumulation = global / micro;
    if (accumulation * micro != global) {
      refuse("global_batch_size",
             "is {}, but micro_batch_size {} x gradient_accumulation_steps {} "
             "is {}: leave one of the two out",
             global, micro, accumulation, micro * accumulation);
    }
  }

  void check_schedule() const {
    require_positive("num_epochs", config_.num_epochs);
    require_range("num_epochs", config_.num_epochs, 0.0, 1e6);
    require_count("max_steps", config_.max_steps);
    require_count("warmup_steps", config_.warmup_steps);
    require_below("warmup_ratio", config_.warmup_ratio, 0.0, 1.0);
    if (config_.warmup_steps > 0 && config_.warmup_ratio > 0.0) {
      refuse("warmup_ratio", "is {} and warmup_steps is {}: leave one of the two out",
             config_.warmup_ratio, config_.warmup_steps);
    }
    if (config_.max_steps > 0 && config_.warmup_steps > config_.max_steps) {
      refuse("warmup_steps", "is {}, more than max_steps {}", config_.warmup_steps,
             config_.max_steps);
    }
    require_range("min_lr_ratio", config_.min_lr_ratio, 0.0, 1.0);
  }

  void check_optimizer() const {
    require_positive("learning_rate", config_.learning_rate);
    require_range("weight_decay", config_.weight_decay, 0.0, 1e6);
    require_below("adam_beta1", config_.adam_beta1, 0.0, 1.0);
    require_below("adam_beta2", config_.adam_beta2, 0.0, 1.0);
    require_positive("adam_epsilon", config_.adam_epsilon);
    require_range("max_grad_norm", config_.max_grad_norm, 0.0, std::numeric_limits<double>::max());
    if (config_.spike_factor != 0.0) require_range("spike_factor", config_.spike_factor, 1.0, 1e6);
    require_count("spike_patience", config_.spike_patience, 1);
    require_count("max_rollbacks", config_.max_rollbacks);
  }

  void check_progress() const {
    require_count("eval_steps", config_.eval_steps);
    require_count("logging_steps", config_.logging_steps, 1);
    require_count("save_steps", config_.save_steps);
    require_count("save_total_limit", config_.save_total_limit);
    require_count("max_wall_time", config_.max_wall_time);
    require_count("stall_timeout", config_.stall_timeout);
    require_count("check_replicas_every", config_.check_replicas_every);
    require_count("early_stopping_patience", config_.early_stopping_patience);
    if (config_.early_stopping_patience > 0) {
      if (config_.test_datasets.empty()) {
        refuse("early_stopping_patience", "needs test_datasets to tell an improvement by");
      }
      if (config_.eval_steps == 0) {
        refuse("early_stopping_patience",
               "needs eval_steps above 0: with 0 the only evaluation is "
               "at the end");
      }
    }
    check_forgetting();
    if (config_.output_dir.empty())
      refuse("output_dir", "is missing: name a directory to write to");
    std::error_code error;
    if (std::filesystem::exists(config_.output_dir, error) &&
        !std::filesystem::is_directory(config_.output_dir, error)) {
      refuse("output_dir", "is {}, which exists and is no directory", config_.output_dir.string());
    }
  }

  void check_machine() const {
    if (config_.bf16 && config_.device == DeviceChoice::kCpu) {
      refuse("bf16", "is true, but device is cpu, which computes in fp32: leave one of them out");
    }
  }

  void check_forgetting() const {
    require_range("max_forgetting", config_.max_forgetting, 0.0, 1e6);
    if (config_.max_forgetting == 0.0) return;
    if (config_.general_datasets.empty()) {
      refuse("max_forgetting", "is {}, but there are no general_datasets to measure it on",
             config_.max_forgetting);
    }
    if (config_.eval_steps == 0 && config_.on_forgetting == ForgettingPolicy::kStop) {
      refuse("max_forgetting",
             "needs eval_steps above 0 to stop in time; on_forgetting: warn judges at the end "
             "alone");
    }
  }

  void check_assignment(const std::string& assignment) const {
    const size_t equals = assignment.find('=');
    const std::string name = assignment.substr(0, equals);
    const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    if (equals == assignment.npos || name.empty() || std::isdigit(name[0]) != 0 ||
        !std::all_of(name.begin(), name.end(), allowed)) {
      refuse("slurm.env", "has \"{}\"; expected NAME=VALUE", name.substr(0, 64));
    }
    require_printable("slurm.env", assignment);
  }

  // Quoted in the script, but a second line is not what anybody means.
  void require_printable(const std::string& key, const std::string& text) const {
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(text.begin(), text.end(), control)) {
      refuse(key, "has a line break or control character, which a batch script cannot take");
    }
  }

  void check_sweep() const {
    static const std::vector<std::string> kFixed = {"sweep", "output_dir", "slurm", "base_model"};
    size_t combinations = 1;
    for (const SweepKey& entry : config_.sweep) {
      if (find_config_key(entry.key) == nullptr || entry.key.find('.') != entry.key.npos ||
          std::find(kFixed.begin(), kFixed.end(), entry.key) != kFixed.end()) {
        refuse("sweep", "has \"{}\", which is no key that runs may differ in", entry.key);
      }
      if (entry.values.empty()) refuse("sweep", "has no value for {}", entry.key);
      combinations *= entry.values.size();
      if (combinations > kMaxSweepRuns) {
        refuse("sweep", "has more than {} combinations", kMaxSweepRuns);
      }
    }
  }

  void require_word(const std::string& key, const std::string& word) const {
    const auto allowed = [](unsigned char c) {
      return std::isalnum(c) != 0 ||
             std::string_view("_-.,:/+=@%[]()*&|").find(static_cast<char>(c)) !=
                 std::string_view::npos;
    };
    const auto bad = std::find_if_not(word.begin(), word.end(), allowed);
    if (bad != word.end()) {
      const auto code = static_cast<unsigned char>(*bad);
      refuse(key, "has the character {}, which a batch script cannot take",
             std::isprint(code) != 0 ? fmt::format("'{}'", *bad) : fmt::format("of code {}", code));
    }
  }

  RunConfig& config_;
  const KeyPlaces& places_;
  const std::string& file_;
};

}  // namespace

void validate_slurm(RunConfig& config, const KeyPlaces& places, const std::string& file) {
  Validator(config, places, file).check_slurm();
}

void complete_and_validate(RunConfig& config, const KeyPlaces& places, const std::string& file) {
  Validator(config, places, file).check();
}

}  // namespace temper

#include "config/validate_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/error.h"
#include "common/shard_names.h"
#include "config/config_keys.h"

namespace temper {
namespace {

constexpr std::array<const char*, 7> kLoraKeys = {
    "lora_r",     "lora_alpha",           "lora_dropout",  "lora_target_modules",
    "use_rslora", "lora_modules_to_save", "lora_model_dir"};
constexpr size_t kMaxSweepRuns = 1000;

class Validator {
 public:
  Validator(RunConfig& config, const GivenKeys& given, const std::string& file)
      : config_(config), given_(given), file_(file) {}

  void check() {
    check_model();
    complete_defaults();
    check_datasets();
    complete_batch();
    check_schedule();
    check_progress();
    check_machine();
    check_sweep();
  }

 private:
  bool given(const std::string& key) const { return given_.count(key) != 0; }

  template <typename... Args>
  [[noreturn]] void refuse(const std::string& key, fmt::format_string<Args...> format,
                           Args&&... args) const {
    const auto found = given_.find(key);
    throw UserError("{}: {} {}", found == given_.end() ? file_ : found->second.place, key,
                    fmt::format(format, std::forward<Args>(args)...));
  }

  void check_model() {
    check_base_model();
    if (!given("adapter")) {
      for (const char* key : kLoraKeys) {
        if (given(key)) refuse(key, "is given, but adapter is not: write adapter: lora");
      }
    }
    check_lora_model_dir();
  }

  // Defaults that follow from other keys.
  void complete_defaults() {
    if (!given("learning_rate")) {
      config_.learning_rate = config_.is_lora() ? kLoraLearningRate : kFullLearningRate;
    }
    if (config_.save_steps > 0 && !given("save_minutes")) config_.save_minutes = 0.0;
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
  }

  void check_entries(const std::string& key, const std::vector<DatasetEntry>& entries) const {
    for (const DatasetEntry& entry : entries) {
      std::error_code error;
      if (!std::filesystem::exists(entry.path, error) && find_shards(entry.path).empty()) {
        refuse(key, "names {}, which does not exist", entry.path.string());
      }
      if (std::filesystem::is_directory(entry.path, error)) {
        refuse(key, "names {}, which is a directory: give a file made by `temper pack`",
               entry.path.string());
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

  // The trainer whose files give the batch in these words and count the micro-batches of one rank.
  std::string batch_counted_by() const {
    const auto micro = given_.find("micro_batch_size");
    if (micro != given_.end() && micro->second.name == "per_device_train_batch_size") {
      return "transformers";
    }
    return given("gradient_accumulation_steps") ? "axolotl" : "";
  }

  void complete_batch() {
    const int64_t micro = config_.micro_batch_size;
    int64_t& global = config_.global_batch_size;
    int64_t& accumulation = config_.gradient_accumulation_steps;
    config_.batch_counted_by = given("global_batch_size") ? "" : batch_counted_by();
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
    if (config_.warmup_steps > 0 && config_.warmup_ratio > 0.0) {
      refuse("warmup_ratio", "is {} and warmup_steps is {}: leave one of the two out",
             config_.warmup_ratio, config_.warmup_steps);
    }
    if (config_.max_steps > 0 && config_.warmup_steps > config_.max_steps) {
      refuse("warmup_steps", "is {}, more than max_steps {}", config_.warmup_steps,
             config_.max_steps);
    }
  }

  void check_progress() const {
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

  void check_sweep() const {
    size_t combinations = 1;
    for (const SweepKey& entry : config_.sweep) {
      if (!may_sweep(entry.key)) {
        refuse("sweep", "has \"{}\", which is no key that runs may differ in", entry.key);
      }
      if (entry.values.empty()) refuse("sweep", "has no value for {}", entry.key);
      combinations *= entry.values.size();
      if (combinations > kMaxSweepRuns) {
        refuse("sweep", "has more than {} combinations", kMaxSweepRuns);
      }
    }
  }

  RunConfig& config_;
  const GivenKeys& given_;
  const std::string& file_;
};

}  // namespace

bool may_sweep(const std::string& key) {
  const bool is_fixed = key == "sweep" || key == "output_dir" || key == "base_model";
  return !is_fixed && key.find('.') == key.npos && find_config_key(key) != nullptr;
}

void complete_and_validate(RunConfig& config, const GivenKeys& given, const std::string& file) {
  Validator(config, given, file).check();
}

}  // namespace temper

#include "checkpoint/fine_tuned_model.h"

#include "arch/parameters.h"
#include "arch/run_adapter.h"
#include "common/error.h"
#include "config/recorded_config.h"
#include "io/json.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

std::optional<LoraConfig> lora_of_record(const CommitRecord& record, const RunConfig& config,
                                         const ModelConfig& model) {
  if (record.adapter.empty()) return std::nullopt;
  if (record.adapter_config.empty()) return lora_of_run(config, model);  // from before it was there
  const char* kPlace = "the checkpoint's adapter_config";
  LoraConfig lora = LoraConfig::from_json(parse_json(record.adapter_config, kPlace), kPlace);
  resolve_lora_targets(lora, model);
  return lora;
}

// What trains must be in the checkpoint: the base would silently stand in for it.
void check_is_there(const fs::path& directory, const CheckpointReader& reader,
                    const std::vector<ParameterInfo>& parameters) {
  for (const ParameterInfo& parameter : parameters) {
    if (!reader.contains("weight", parameter.name)) {
      throw UserError("{}: the checkpoint lacks {}", directory.string(), parameter.name);
    }
  }
}

}  // namespace

FineTunedModel::FineTunedModel(const fs::path& checkpoint, const fs::path& base_directory)
    : directory_(checkpoint),
      reader_(checkpoint),
      run_config_(read_recorded_config(record().config_yaml, directory_.string())),
      base_directory_(base_directory.empty() ? run_config_.base_model : base_directory),
      config_(ModelConfig::from_directory(base_directory_)),
      lora_(lora_of_record(record(), run_config_, config_)),
      base_(base_directory_, config_),
      trained_(reader_),
      weights_({&trained_, &base_}) {
  if (base_.hash() != record().base_hash) {
    throw UserError(
        "{}: these are not the weights that {} was trained from (hash {} instead of {}); name the "
        "original base with --model",
        base_directory_.string(), directory_.string(), base_.hash().hex(),
        record().base_hash.hex());
  }
  reader_.open_all();
  if (!lora_) {
    check_is_there(directory_, reader_, base_parameters(config_));
  } else {
    check_is_there(directory_, reader_, lora_parameters(config_, *lora_));
    check_is_there(directory_, reader_, saved_parameters(config_, *lora_));
  }
}

std::optional<RunDirectory> run_of(const FineTunedModel& tuned) {
  const RunDirectory run(fs::canonical(tuned.directory()).parent_path());
  if (!run.exists()) return std::nullopt;
  return run;
}

}  // namespace temper

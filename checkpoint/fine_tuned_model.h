// A checkpoint with the base model it was trained from: what evaluation, generation and export
// need to know of it, and its weights.
#pragma once

#include <filesystem>
#include <optional>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "checkpoint/checkpoint_reader.h"
#include "config/run_config.h"
#include "model/hf_weights.h"
#include "run/run_directory.h"

namespace temper {

class FineTunedModel {
 public:
  // Reads the checkpoint's record and opens its files and the base's. The base is where the
  // recorded configuration says, or in `base_directory` when that is not empty. UserError when the
  // base's weights are not those that the run was trained from.
  explicit FineTunedModel(const std::filesystem::path& checkpoint,
                          const std::filesystem::path& base_directory = {});
  FineTunedModel(const FineTunedModel&) = delete;
  FineTunedModel& operator=(const FineTunedModel&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  const std::filesystem::path& base_directory() const { return base_directory_; }
  const CommitRecord& record() const { return reader_.record(); }
  const RunConfig& run_config() const { return run_config_; }
  const ModelConfig& config() const { return config_; }
  const std::optional<LoraConfig>& lora() const { return lora_; }

  const CheckpointReader& reader() const { return reader_; }
  const HfWeights& base() const { return base_; }
  // Trained parameters come from the checkpoint, all others from the base.
  const WeightSource& weights() const { return weights_; }

 private:
  std::filesystem::path directory_;
  CheckpointReader reader_;
  RunConfig run_config_;
  std::filesystem::path base_directory_;
  ModelConfig config_;
  std::optional<LoraConfig> lora_;
  HfWeights base_;
  CheckpointWeights trained_;
  ChainedWeights weights_;
};

// The run whose directory holds the checkpoint; nothing where it has been copied elsewhere.
std::optional<RunDirectory> run_of(const FineTunedModel& tuned);

}  // namespace temper

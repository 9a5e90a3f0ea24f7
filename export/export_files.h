// Writes the files beside the weights of an exported model: configuration, generation settings,
// tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "arch/model_config.h"
#include "io/json.h"
#include "io/safetensors/tensor_info.h"

namespace temper {

// config.json as the base has it, but for the weights' type; generation_config.json with
// `stop_token_ids` among its eos_token_id; tokenizer files and chat template byte for byte.
void write_model_files(const std::filesystem::path& base_directory, const ModelConfig& config,
                       DType dtype, const std::vector<int64_t>& stop_token_ids,
                       const std::filesystem::path& directory);

// The generation_config.json of a model that has none.
Json default_generation_config(const ModelConfig& config);

// UserError unless an export may be written to `output`: nothing is there, or an empty directory,
// or an earlier export that is not itself the base.
void check_output_directory(const std::filesystem::path& output,
                            const std::filesystem::path& base_directory);

}  // namespace temper

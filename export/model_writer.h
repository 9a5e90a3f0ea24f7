// Writes weights as Hugging Face reads them: one `model.safetensors`, or numbered shards with
// `model.safetensors.index.json`. Parameters stream through a small buffer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "arch/parameters.h"
#include "io/safetensors/tensor_info.h"
#include "stage/weight_source.h"

namespace temper {

inline constexpr uint64_t kDefaultMaxShardBytes = 5'000'000'000;  // as huggingface_hub has it

// Parameters in order, cut before one that would make a file larger than `max_shard_bytes`; one
// that is larger by itself has a file of its own.
std::vector<std::vector<ParameterInfo>> plan_shards(const std::vector<ParameterInfo>& parameters,
                                                    DType dtype, uint64_t max_shard_bytes);

void write_model(const std::filesystem::path& directory,
                 const std::vector<ParameterInfo>& parameters, const WeightSource& weights,
                 DType dtype, uint64_t max_shard_bytes);

// The parameters as one safetensors file.
void write_weights_file(const std::filesystem::path& path,
                        const std::vector<ParameterInfo>& parameters, const WeightSource& weights,
                        DType dtype);

}  // namespace temper

#include "export/model_writer.h"

#include <algorithm>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/safetensors/safetensors_writer.h"

namespace temper {
namespace {

constexpr int64_t kBlockElements = int64_t{1} << 20;

uint64_t size_bytes(const ParameterInfo& parameter, DType dtype) {
  return static_cast<uint64_t>(parameter.num_elements()) * dtype_size_bytes(dtype);
}

void write_index(const std::filesystem::path& directory,
                 const std::vector<std::vector<ParameterInfo>>& shards,
                 const std::vector<std::string>& files, DType dtype) {
  uint64_t total_size = 0;  // of the tensors, not of the files
  Json weight_map = Json::object();
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const ParameterInfo& parameter : shards[i]) {
      weight_map[parameter.name] = files[i];
      total_size += size_bytes(parameter, dtype);
    }
  }
  const Json index = {{"metadata", {{"total_size", total_size}}}, {"weight_map", weight_map}};
  write_file_atomically(directory / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

std::vector<std::vector<ParameterInfo>> plan_shards(const std::vector<ParameterInfo>& parameters,
                                                    DType dtype, uint64_t max_shard_bytes) {
  std::vector<std::vector<ParameterInfo>> shards;
  uint64_t shard_bytes = 0;
  for (const ParameterInfo& parameter : parameters) {
    const uint64_t bytes = size_bytes(parameter, dtype);
    if (shards.empty() || shard_bytes + bytes > max_shard_bytes) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shards.back().push_back(parameter);
    shard_bytes += bytes;
  }
  return shards;
}

void write_model(const std::filesystem::path& directory,
                 const std::vector<ParameterInfo>& parameters, const WeightSource& weights,
                 DType dtype, uint64_t max_shard_bytes) {
  const auto shards = plan_shards(parameters, dtype, max_shard_bytes);
  if (shards.size() == 1) {
    write_weights_file(directory / "model.safetensors", parameters, weights, dtype);
    return;
  }
  std::vector<std::string> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    files.push_back(fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size()));
    write_weights_file(directory / files.back(), shards[i], weights, dtype);
  }
  write_index(directory, shards, files, dtype);
}

void write_weights_file(const std::filesystem::path& path,
                        const std::vector<ParameterInfo>& parameters, const WeightSource& weights,
                        DType dtype) {
  std::vector<SafetensorsWriter::Entry> entries;
  for (const ParameterInfo& parameter : parameters) {
    entries.push_back({parameter.name, dtype, parameter.shape});
  }
  SafetensorsWriter writer(path, std::move(entries));
  std::vector<float> block(static_cast<size_t>(kBlockElements));
  for (const ParameterInfo& parameter : parameters) {
    for (int64_t begin = 0; begin < parameter.num_elements(); begin += kBlockElements) {
      const int64_t end = std::min(parameter.num_elements(), begin + kBlockElements);
      weights.read(parameter.name, parameter.shape, begin, end, block.data());
      writer.write_floats(parameter.name, begin, block.data(), end - begin);
    }
  }
  writer.finish();
}

}  // namespace temper

#include "model/hf_weights.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "arch/parameters.h"
#include "common/error.h"
#include "common/philox.h"
#include "io/safetensors/float_conversion.h"

namespace temper {
namespace {

void check_tensor(const TensorInfo& info, const std::string& name,
                  const std::vector<int64_t>& shape, const std::string& place,
                  const char* config_file) {
  if (info.shape != shape) {
    throw UserError("{}: tensor \"{}\" is {}, but {} means {}", place, name, shape_text(info.shape),
                    config_file, shape_text(shape));
  }
  if (!is_floating_point(info.dtype)) {
    throw UserError("{}: tensor \"{}\" is {}; weights must be F32, BF16, F16 or F64", place, name,
                    dtype_name(info.dtype));
  }
}

constexpr size_t kHashBlockBytes = size_t{4} << 20;

// A part of a tensor. Its hash depends on where it lies, so that the sum over all of them does.
struct HashBlock {
  const std::string* name;
  const SafetensorsFile* file;
  size_t begin, end;

  Hash128 hash() const {
    const auto bytes = file->bytes(*name).subspan(begin, end - begin);
    const Hash128 hash = hash_bytes(bytes.data(), bytes.size(), hash_text(*name, begin).low);
    file->release(bytes);
    return hash;
  }
};

bool ends_with(const std::string& text, std::string_view suffix) {
  return std::string_view(text).ends_with(suffix);
}

}  // namespace

HfWeights::HfWeights(const std::filesystem::path& directory, const ModelConfig& config)
    : files_(directory) {
  for (const ParameterInfo& parameter : base_parameters(config)) {
    if (!files_.contains(parameter.name)) {
      throw UserError("{} has no tensor \"{}\", which its config.json calls for",
                      directory.native(), parameter.name);
    }
    check_tensor(files_.info(parameter.name), parameter.name, parameter.shape,
                 files_.file_of(parameter.name).path().native(), "config.json");
  }
}

bool HfWeights::contains(const std::string& name) const {
  return files_.contains(name);
}

void HfWeights::read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin,
                     int64_t end, float* out) const {
  const SafetensorsFile& file = files_.file_of(name);
  check_tensor(file.info(name), name, shape, file.path().native(), "config.json");
  file.read_floats(name, begin, end, out);
  non_finite_.look(name, out, end - begin);
}

Hash128 HfWeights::hash() const {
  const std::lock_guard<std::mutex> lock(hash_->mutex);
  if (!hash_->value) hash_->value = partial_hash(0, 1);
  return *hash_->value;
}

Hash128 HfWeights::partial_hash(int part, int num_parts) const {
  TEMPER_CHECK(0 <= part && part < num_parts, "part {} of {}", part, num_parts);
  const std::vector<std::string> names = files_.names();
  std::string heads;
  std::vector<HashBlock> blocks;
  int64_t index = 0;
  for (const std::string& name : names) {
    const SafetensorsFile& file = files_.file_of(name);
    const TensorInfo& info = file.info(name);
    heads += fmt::format("{} {} {}\n", name, dtype_name(info.dtype), shape_text(info.shape));
    for (size_t begin = 0; begin < info.num_bytes(); begin += kHashBlockBytes) {
      const size_t end = std::min<size_t>(begin + kHashBlockBytes, info.num_bytes());
      if (index++ % num_parts == part) blocks.push_back({&name, &file, begin, end});
    }
  }
  Hash128 sum = part == 0 ? hash_text(heads) : Hash128();
  std::mutex mutex;
  at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const Hash128 hash = blocks[static_cast<size_t>(b)].hash();
      const std::lock_guard<std::mutex> lock(mutex);
      sum += hash;
    }
  });
  return sum;
}

PeftWeights::PeftWeights(const std::filesystem::path& directory, const ModelConfig& config,
                         const LoraConfig& lora)
    : file_(directory / "adapter_model.safetensors") {
  const std::string place = file_.path().native();
  std::set<std::string> known;
  for (const ParameterInfo& parameter : peft_parameters(config, lora)) {
    if (!file_.contains(parameter.name)) {
      throw UserError("{} has no tensor \"{}\", which its adapter_config.json calls for", place,
                      parameter.name);
    }
    check_tensor(file_.info(parameter.name), parameter.name, parameter.shape, place,
                 "adapter_config.json with the model's config.json");
    known.insert(parameter.name);
    tensors_.emplace(parameter_of_peft_name(config, parameter.name), parameter.name);
  }
  if (lora.ensure_weight_tying) check_tied();
  // A tensor without a place would be an adapter that is silently not applied.
  for (const auto& [name, info] : file_.tensors()) {
    if (known.count(name) == 0) {
      throw UserError("{}: tensor \"{}\" belongs to no module that adapter_config.json adapts",
                      place, name);
    }
  }
}

// Two matrices where the base has one would have to stay two.
void PeftWeights::check_tied() const {
  const std::string prefix = kPeftPrefix;
  const auto embedding = file_.bytes(prefix + "model.embed_tokens.weight");
  const auto head = file_.bytes(prefix + "lm_head.weight");
  const bool same = std::equal(embedding.begin(), embedding.end(), head.begin(), head.end());
  file_.release(embedding);
  file_.release(head);
  if (same) return;
  throw UserError(
      "{}: embed_tokens and lm_head differ, but the base model has one tied matrix for both "
      "(tie_word_embeddings); untie the base to use this adapter",
      file_.path().native());
}

bool PeftWeights::contains(const std::string& name) const {
  return tensors_.count(name) != 0;
}

void PeftWeights::read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin,
                       int64_t end, float* out) const {
  const std::string& tensor = tensors_.at(name);
  check_tensor(file_.info(tensor), tensor, shape, file_.path().native(), "adapter_config.json");
  file_.read_floats(tensor, begin, end, out);
  non_finite_.look(tensor, out, end - begin);
}

Hash128 PeftWeights::hash() const {
  StreamHasher hasher;
  for (const auto& [name, info] : file_.tensors()) {
    const std::string head =
        fmt::format("{} {} {}\n", name, dtype_name(info.dtype), shape_text(info.shape));
    const auto bytes = file_.bytes(name);
    hasher.update(head.data(), head.size());
    hasher.update(bytes.data(), bytes.size());
    file_.release(bytes);
  }
  return hasher.digest();
}

InitialBaseWeights::InitialBaseWeights(const ModelConfig& config, uint64_t seed)
    : initializer_range_(config.initializer_range), seed_(seed) {
  for (const ParameterInfo& parameter : base_parameters(config)) names_.insert(parameter.name);
}

bool InitialBaseWeights::contains(const std::string& name) const {
  return names_.count(name) != 0;
}

void InitialBaseWeights::read(const std::string& name, const std::vector<int64_t>& shape,
                              int64_t begin, int64_t end, float* out) const {
  if (shape.size() < 2) {
    std::fill(out, out + (end - begin), ends_with(name, ".bias") ? 0.0f : 1.0f);
    return;
  }
  const Philox philox(seed_, hash_text(name).low);
  for (int64_t i = begin; i < end; ++i) {
    out[i - begin] = static_cast<float>(
        initializer_range_ * static_cast<double>(philox.normal(static_cast<uint64_t>(i))));
  }
}

bool InitialLoraWeights::contains(const std::string& name) const {
  return ends_with(name, ".lora_A.weight") || ends_with(name, ".lora_B.weight");
}

void InitialLoraWeights::read(const std::string& name, const std::vector<int64_t>& shape,
                              int64_t begin, int64_t end, float* out) const {
  if (ends_with(name, ".lora_B.weight")) {
    std::fill(out, out + (end - begin), 0.0f);
    return;
  }
  // Kaiming's bound with a = sqrt 5: sqrt(6 / ((1 + a^2) fan_in)).
  const double bound = 1.0 / std::sqrt(static_cast<double>(shape.at(1)));
  const Philox philox(seed_, hash_text(name).low);
  for (int64_t i = begin; i < end; ++i) {
    const double uniform = philox.uniform(static_cast<uint64_t>(i));
    out[i - begin] = static_cast<float>(bound * (2.0 * uniform - 1.0));
  }
}

bool ChainedWeights::contains(const std::string& name) const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [&](const WeightSource* source) { return source->contains(name); });
}

void ChainedWeights::read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin,
                          int64_t end, float* out) const {
  for (const WeightSource* source : sources_) {
    if (source->contains(name)) return source->read(name, shape, begin, end, out);
  }
  TEMPER_CHECK(false, "no source has \"{}\"", name);
}

}  // namespace temper

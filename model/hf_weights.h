// Weights of a Hugging Face model directory and of a PEFT adapter directory as WeightSources, and
// the initialiser of new ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "common/hash.h"
#include "io/safetensors/safetensors_directory.h"
#include "io/safetensors/safetensors_file.h"
#include "model/non_finite_tensors.h"
#include "stage/weight_source.h"

namespace temper {

class HfWeights : public WeightSource {
 public:
  // Checks that every parameter of the config is there with its shape and a floating-point dtype,
  // before any weight is read: UserError otherwise. Other tensors in the files are ignored.
  HfWeights(const std::filesystem::path& directory, const ModelConfig& config);

  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;
  // The tensors of which something was read that is NaN or infinite.
  std::vector<std::string> non_finite_tensors() const { return non_finite_.names(); }
  // Identifies the base: names, dtypes, shapes and every byte. The first call reads all files.
  Hash128 hash() const;
  // One part of hash(), which is the sum over all parts; each reads its share of the bytes.
  Hash128 partial_hash(int part, int num_parts) const;

 private:
  struct KnownHash {
    std::mutex mutex;
    std::optional<Hash128> value;
  };

  SafetensorsDirectory files_;
  NonFiniteTensors non_finite_;
  std::unique_ptr<KnownHash> hash_ = std::make_unique<KnownHash>();
};

// DIR/adapter_model.safetensors. Modules to save appear under the names of the base's parameters
// that they replace: chain an adapter before its base.
class PeftWeights : public WeightSource {
 public:
  PeftWeights(const std::filesystem::path& directory, const ModelConfig& config,
              const LoraConfig& lora);
  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;
  std::vector<std::string> non_finite_tensors() const { return non_finite_.names(); }
  // Identifies the adapter's weights: names, dtypes, shapes and every byte. Reads the file.
  Hash128 hash() const;

 private:
  void check_tied() const;

  SafetensorsFile file_;
  std::map<std::string, std::string> tensors_;  // by parameter
  NonFiniteTensors non_finite_;
};

// A fresh base: normal(0, initializer_range) for matrices, one for norms, zero for biases; each
// element a pure function of (seed, name, index).
class InitialBaseWeights : public WeightSource {
 public:
  InitialBaseWeights(const ModelConfig& config, uint64_t seed);
  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;

 private:
  std::set<std::string> names_;
  double initializer_range_;
  uint64_t seed_;
};

// A fresh adapter as PEFT begins: A Kaiming-uniform (a = sqrt 5), B zero.
class InitialLoraWeights : public WeightSource {
 public:
  explicit InitialLoraWeights(uint64_t seed) : seed_(seed) {}
  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;

 private:
  uint64_t seed_;
};

// The first source that contains the name.
class ChainedWeights : public WeightSource {
 public:
  explicit ChainedWeights(std::vector<const WeightSource*> sources)
      : sources_(std::move(sources)) {}
  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;

 private:
  std::vector<const WeightSource*> sources_;
};

}  // namespace temper

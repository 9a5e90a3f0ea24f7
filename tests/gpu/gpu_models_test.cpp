// Parity with transformers on a GPU, on the models of the acceptance material.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/safetensors/safetensors_file.h"
#include "model/hf_weights.h"
#include "model/resident_model.h"
#include "tests/unit/kernels/tensors.h"
#include "tests/unit/model/batches.h"

namespace temper {
namespace {

at::Tensor read_tensor(const SafetensorsFile& file, const std::string& name) {
  at::Tensor result = at::empty(file.info(name).shape, at::kFloat);
  file.read_floats(name, 0, result.numel(), result.data_ptr<float>());
  return result;
}

class GpuModelParity : public testing::TestWithParam<const char*> {};

TEST_P(GpuModelParity, logits_loss_and_gradients_of_packed_rows) {
  const auto directory =
      std::filesystem::path(TEMPER_ACCEPTANCE_DIR) / "fixtures/models" / GetParam();
  const ModelConfig config = ModelConfig::from_directory(directory);
  const HfWeights weights(directory, config);
  const SafetensorsFile expected(directory / "expected.safetensors");
  const Batch batch = make_batch(expected.read_integers("packed.input_ids"),
                                 expected.read_integers("packed.labels"), {0, 23, 40});
  const at::Tensor logits = read_tensor(expected, "packed.logits");
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const bool bf16 = type == at::kBFloat16;
    SCOPED_TRACE(c10::toString(type));
    const ResidentModel model(config, {}, Training::kFull, weights, {at::kCUDA, type});
    EXPECT_LT(relative_error(model.logits(batch).reshape(logits.sizes()), logits),
              bf16 ? 0.05 : 2e-4);
    std::map<std::string, at::Tensor> gradients;
    const double loss =
        model.loss_and_gradients(batch, gradients) / static_cast<double>(batch.num_targets);
    if (expected.contains("packed.loss")) {
      EXPECT_NEAR(loss, read_tensor(expected, "packed.loss").item<double>(), bf16 ? 0.02 : 1e-5);
    }
    for (const auto& [name, sum] : gradients) {
      const at::Tensor wanted = read_tensor(expected, "packed.grad." + name);
      const at::Tensor mean = sum / static_cast<double>(batch.num_targets);
      const double error = (mean - wanted).norm().item<double>() / wanted.norm().item<double>();
      EXPECT_LT(error, bf16 ? 0.1 : 2e-4) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GpuModelParity,
                         testing::Values("llama2", "llama3_scaled_rope_tied", "llama_head_dim",
                                         "mistral", "mistral_sliding", "qwen2", "qwen3"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace temper

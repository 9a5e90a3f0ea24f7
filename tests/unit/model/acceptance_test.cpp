// Parity with transformers, peft and torch.optim.AdamW on the models of the acceptance material.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "arch/parameters.h"
#include "io/safetensors/safetensors_file.h"
#include "io/safetensors/tensor_info.h"
#include "kernels/adamw.h"
#include "model/hf_weights.h"
#include "model/resident_model.h"
#include "model/score.h"
#include "tests/unit/kernels/tensors.h"
#include "tests/unit/model/batches.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr double kLogitsTolerance = 2e-4;
constexpr double kLossTolerance = 1e-5;
constexpr double kGradientTolerance = 2e-4;

fs::path models() {
  return fs::path(TEMPER_ACCEPTANCE_DIR) / "fixtures/models";
}

at::Tensor read_tensor(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo& info = file.info(name);
  at::Tensor result = at::empty(info.shape, at::kFloat);
  file.read_floats(name, 0, result.numel(), result.data_ptr<float>());
  return result;
}

// `prefix` is "" (rows are documents) or "packed." (documents of 23 and 17 tokens in one row).
Batch read_batch(const SafetensorsFile& file, const std::string& prefix) {
  const auto tokens = file.read_integers(prefix + "input_ids");
  const auto labels = file.read_integers(prefix + "labels");
  if (!prefix.empty()) return make_batch(tokens, labels, {0, 23, 40});
  const auto rows = file.info("input_ids").shape.at(0), length = file.info("input_ids").shape.at(1);
  std::vector<int32_t> cu_seqlens;
  for (int64_t row = 0; row <= rows; ++row)
    cu_seqlens.push_back(static_cast<int32_t>(row * length));
  return make_batch(tokens, labels, cu_seqlens);
}

double largest_difference(const at::Tensor& actual, const at::Tensor& expected) {
  return (actual.reshape(expected.sizes()) - expected).abs().max().item<double>();
}

// The worst of the errors of a kind, printed so that a run's log has the figures.
void report(const std::string& what, double error) {
  testing::Test::RecordProperty(what, fmt::format("{:.2e}", error));
  fmt::print("    {}: {:.2e}\n", what, error);
}

void check_gradients(const SafetensorsFile& file, const std::string& prefix, const Batch& batch,
                     const std::map<std::string, at::Tensor>& gradients) {
  size_t num_expected = 0;
  double worst = 0.0;
  for (const auto& [key, info] : file.tensors()) {
    if (!key.starts_with(prefix + "grad.")) continue;
    ++num_expected;
    const std::string name = key.substr(prefix.size() + 5);
    ASSERT_TRUE(gradients.count(name)) << name;
    const at::Tensor mean = gradients.at(name) / static_cast<double>(batch.num_targets);
    const double error = relative_error(mean, read_tensor(file, key));
    EXPECT_LT(error, kGradientTolerance) << name;
    worst = std::max(worst, error);
  }
  EXPECT_EQ(gradients.size(), num_expected);
  report(prefix + "gradients", worst);
}

void check_against(const SafetensorsFile& file, const std::string& prefix,
                   const ResidentModel& model) {
  const Batch batch = read_batch(file, prefix);
  const double error =
      largest_difference(model.logits(batch), read_tensor(file, prefix + "logits"));
  report(prefix + "logits", error);
  EXPECT_LT(error, kLogitsTolerance);
  std::map<std::string, at::Tensor> gradients;
  const double sum = model.loss_and_gradients(batch, gradients);
  EXPECT_EQ(sum, model.loss_sum(batch));
  if (file.contains(prefix + "loss")) {
    const double expected = read_tensor(file, prefix + "loss").item<double>();
    const double loss_error = std::abs(sum / static_cast<double>(batch.num_targets) - expected);
    report(prefix + "loss", loss_error);
    EXPECT_LT(loss_error, kLossTolerance);
  }
  if (!prefix.empty()) {
    EXPECT_EQ(batch.num_targets, file.read_integers("packed.num_supervised").at(0));
  }
  check_gradients(file, prefix, batch, gradients);
}

class ModelParity : public testing::TestWithParam<const char*> {};

TEST_P(ModelParity, logits_loss_and_gradients) {
  const fs::path directory = models() / GetParam();
  const ModelConfig config = ModelConfig::from_directory(directory);
  const HfWeights weights(directory, config);
  const ResidentModel model(config, std::nullopt, Training::kFull, weights);
  const SafetensorsFile expected(directory / "expected.safetensors");
  check_against(expected, "", model);
  check_against(expected, "packed.", model);
}

INSTANTIATE_TEST_SUITE_P(Models, ModelParity,
                         testing::Values("llama2", "llama3_scaled_rope_tied", "llama_head_dim",
                                         "mistral", "mistral_sliding", "qwen2", "qwen3"),
                         [](const auto& test) { return std::string(test.param); });

class AdapterParity : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(AdapterParity, logits_loss_gradients_and_merge) {
  const fs::path directory = models() / std::get<0>(GetParam());
  const fs::path adapter = directory / std::get<1>(GetParam());
  const ModelConfig config = ModelConfig::from_directory(directory);
  LoraConfig lora = LoraConfig::from_directory(adapter);
  resolve_lora_targets(lora, config);
  const HfWeights base(directory, config);
  const PeftWeights peft(adapter, config, lora);
  ResidentModel model(config, lora, Training::kLora, ChainedWeights({&peft, &base}));
  const SafetensorsFile expected(adapter / "expected.safetensors");
  check_against(expected, "", model);
  model.merge_lora();
  const double error = largest_difference(model.logits(read_batch(expected, "")),
                                          read_tensor(expected, "merged_logits"));
  report("merged logits", error);
  EXPECT_LT(error, kLogitsTolerance);
}

INSTANTIATE_TEST_SUITE_P(Adapters, AdapterParity,
                         testing::Combine(testing::Values("llama2", "llama3_scaled_rope_tied",
                                                          "qwen2"),
                                          testing::Values("adapter_lora", "adapter_rslora_all")),
                         [](const auto& test) {
                           return fmt::format("{}_{}", std::get<0>(test.param),
                                              std::get<1>(test.param));
                         });

class AdamWParity : public testing::TestWithParam<const char*> {};

TEST_P(AdamWParity, five_steps) {
  const fs::path directory = models() / GetParam();
  const ModelConfig config = ModelConfig::from_directory(directory);
  const HfWeights weights(directory, config);
  const ResidentModel model(config, std::nullopt, Training::kFull, weights);
  const SafetensorsFile inputs(directory / "expected.safetensors");
  const SafetensorsFile expected(directory / "adamw_5_steps.safetensors");
  const Batch batch = read_batch(inputs, "");
  const double num_targets = static_cast<double>(batch.num_targets);
  const at::Tensor losses = read_tensor(expected, "losses");
  const at::Tensor norms = read_tensor(expected, "grad_norms");

  std::map<std::string, std::pair<at::Tensor, at::Tensor>> moments;
  double worst_loss = 0.0, worst_norm = 0.0, worst_parameter = 0.0;
  for (int64_t step = 1; step <= 5; ++step) {
    std::map<std::string, at::Tensor> gradients;
    const double loss = model.loss_and_gradients(batch, gradients) / num_targets;
    worst_loss = std::max(worst_loss, std::abs(loss - losses[step - 1].item<double>()));
    double squares = 0.0;
    for (const auto& [name, g] : gradients) {
      squares += (g / num_targets).to(at::kDouble).square().sum().item<double>();
    }
    const double norm = std::sqrt(squares);
    worst_norm = std::max(worst_norm, std::abs(norm / norms[step - 1].item<double>() - 1.0));
    for (const auto& [name, g] : gradients) {
      auto& [m, v] = moments[name];
      if (!m.defined()) m = at::zeros_like(g), v = at::zeros_like(g);
      AdamWOptions h{1e-3, 0.9, 0.95, 1e-8, g.dim() >= 2 ? 0.1 : 0.0, 1.0, step};
      h.gradient_scale = std::min(1.0, 1.0 / (norm + 1e-6)) / num_targets;
      adamw_update(model.weight(name), g, m, v, h);
    }
  }
  size_t num_parameters = 0;
  for (const auto& [key, info] : expected.tensors()) {
    if (!key.starts_with("param.")) continue;
    ++num_parameters;
    worst_parameter = std::max(worst_parameter, largest_difference(model.weight(key.substr(6)),
                                                                   read_tensor(expected, key)));
  }
  report("losses", worst_loss);
  report("gradient norms", worst_norm);
  report("parameters", worst_parameter);
  EXPECT_LT(worst_loss, 1e-4);
  EXPECT_LT(worst_norm, 1e-4);
  EXPECT_LT(worst_parameter, 1e-4);
  EXPECT_EQ(num_parameters, base_parameters(config).size());
}

INSTANTIATE_TEST_SUITE_P(Models, AdamWParity, testing::Values("llama2", "qwen2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(ScoreParity, the_written_file_holds_what_the_reference_computed) {
  const fs::path directory = models() / "llama_head_dim";
  const ModelConfig config = ModelConfig::from_directory(directory);
  const ResidentModel model(config, std::nullopt, Training::kFull, HfWeights(directory, config));
  const SafetensorsFile expected(directory / "expected.safetensors");
  const TemporaryDirectory folder;
  const fs::path output = folder / "scores.safetensors";
  write_scores(model, read_batch(expected, ""), 2, 40, true, output);
  const SafetensorsFile written(output);
  for (const auto& [name, info] : expected.tensors()) {
    if (name != "logits" && name != "loss" && !name.starts_with("grad.")) continue;
    ASSERT_TRUE(written.contains(name)) << name;
    EXPECT_EQ(written.info(name).shape, info.shape) << name;
    EXPECT_LT(relative_error(read_tensor(written, name), read_tensor(expected, name)),
              kGradientTolerance)
        << name;
  }
}

}  // namespace
}  // namespace temper

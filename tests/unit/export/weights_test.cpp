// The weight sources and small parts that an export is made of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "common/error.h"
#include "export/export_proof.h"
#include "export/float_dtype.h"
#include "export/merged_weights.h"
#include "export/model_writer.h"
#include "export/rounded_weights.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

class MapWeights : public WeightSource {
 public:
  std::map<std::string, at::Tensor> tensors;
  bool contains(const std::string& name) const override { return tensors.count(name) != 0; }
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override {
    const at::Tensor& tensor = tensors.at(name);
    TEMPER_CHECK(tensor.sizes() == at::IntArrayRef(shape), "{}", name);
    std::copy_n(tensor.data_ptr<float>() + begin, end - begin, out);
  }
};

const std::string kModule = "model.layers.0.self_attn.q_proj";

MapWeights adapted_weights() {
  at::manual_seed(1);
  MapWeights weights;
  weights.tensors[kModule + ".weight"] = at::randn({6, 5});
  weights.tensors["model.norm.weight"] = at::randn({5});
  weights.tensors["base_model.model." + kModule + ".lora_A.weight"] = at::randn({2, 5});
  weights.tensors["base_model.model." + kModule + ".lora_B.weight"] = at::randn({6, 2});
  return weights;
}

LoraConfig adapter_config() {
  LoraConfig lora;
  lora.r = 2;
  lora.alpha = 3.0;
  lora.target_modules = {"q_proj"};
  return lora;
}

TEST(MergedWeights, any_part_is_that_of_the_whole) {
  const MapWeights weights = adapted_weights();
  const LoraConfig lora = adapter_config();
  const MergedWeights merged(weights, lora);
  const at::Tensor expected =
      weights.tensors.at(kModule + ".weight") +
      1.5 * at::mm(weights.tensors.at("base_model.model." + kModule + ".lora_B.weight"),
                   weights.tensors.at("base_model.model." + kModule + ".lora_A.weight"));
  for (int64_t begin = 0; begin <= 30; ++begin) {
    for (int64_t end = begin; end <= 30; ++end) {
      std::vector<float> part(static_cast<size_t>(end - begin));
      merged.read(kModule + ".weight", {6, 5}, begin, end, part.data());
      for (int64_t i = begin; i < end; ++i) {
        ASSERT_NEAR(part[static_cast<size_t>(i - begin)], expected.data_ptr<float>()[i], 1e-5)
            << begin << " " << end;
      }
    }
  }
}

TEST(MergedWeights, leaves_other_parameters_and_hides_the_adapter) {
  const MapWeights weights = adapted_weights();
  const LoraConfig lora = adapter_config();
  const MergedWeights merged(weights, lora);
  std::vector<float> norm(5);
  merged.read("model.norm.weight", {5}, 0, 5, norm.data());
  EXPECT_EQ(norm[3], weights.tensors.at("model.norm.weight").data_ptr<float>()[3]);
  EXPECT_TRUE(merged.contains(kModule + ".weight"));
  EXPECT_FALSE(merged.contains("base_model.model." + kModule + ".lora_A.weight"));
}

TEST(RoundedWeights, rounds_what_it_is_told_to) {
  MapWeights weights;
  weights.tensors["a"] = at::tensor({1.0f + 1.0f / 1024, 2.0f});
  weights.tensors["b"] = at::tensor({1.0f + 1.0f / 1024, 2.0f});
  const RoundedWeights rounded(weights, at::kBFloat16,
                               [](const std::string& name) { return name == "a"; });
  std::vector<float> a(2), b(2);
  rounded.read("a", {2}, 0, 2, a.data());
  rounded.read("b", {2}, 0, 2, b.data());
  EXPECT_THAT(a, ElementsAre(1.0f, 2.0f));
  EXPECT_THAT(b, ElementsAre(1.0f + 1.0f / 1024, 2.0f));
}

std::vector<size_t> shard_sizes(uint64_t max_shard_bytes) {
  const std::vector<ParameterInfo> parameters = {
      {"a", {10}, 0}, {"b", {10}, 0}, {"c", {50}, 1}, {"d", {4}, 1}, {"e", {4}, 2}};
  std::vector<size_t> sizes;
  for (const auto& shard : plan_shards(parameters, DType::kF32, max_shard_bytes)) {
    sizes.push_back(shard.size());
  }
  return sizes;
}

TEST(PlanShards, fills_a_file_up_to_the_limit) {
  EXPECT_THAT(shard_sizes(1000), ElementsAre(5));
  EXPECT_THAT(shard_sizes(312), ElementsAre(5));
  EXPECT_THAT(shard_sizes(311), ElementsAre(4, 1));
  EXPECT_THAT(shard_sizes(80), ElementsAre(2, 1, 2));
  EXPECT_THAT(shard_sizes(1), ElementsAre(1, 1, 1, 1, 1));
}

TEST(FloatDType, is_read_from_and_written_to_either_spelling) {
  EXPECT_EQ(config_dtype(Json{{"dtype", "bfloat16"}}), DType::kBF16);
  EXPECT_EQ(config_dtype(Json{{"torch_dtype", "float16"}}), DType::kF16);
  EXPECT_EQ(config_dtype(Json::object()), DType::kF32);
  EXPECT_THROW(config_dtype(Json{{"dtype", "float8"}}), UserError);
  EXPECT_EQ(with_dtype(Json{{"dtype", "float32"}}, DType::kF16), (Json{{"dtype", "float16"}}));
  EXPECT_EQ(with_dtype(Json{{"torch_dtype", "float32"}}, DType::kBF16),
            (Json{{"torch_dtype", "bfloat16"}}));
  EXPECT_EQ(with_dtype(Json::object(), DType::kBF16), (Json{{"torch_dtype", "bfloat16"}}));
}

ProbeAnswer answer(float logit, double loss) {
  return {at::tensor({0.5f, logit}).view({1, 2}), loss};
}

TEST(ExportProof, fails_on_any_difference_that_is_not_explained) {
  const ProbeAnswer live = answer(1.0f, 2.0);
  EXPECT_TRUE(prove_export({live, live, live, answer(1.00005f, 2.0)}, DType::kF32).passed());
  EXPECT_FALSE(prove_export({live, live, live, answer(1.001f, 2.0)}, DType::kF32).passed());
  EXPECT_FALSE(prove_export({live, live, live, answer(1.0f, 2.001)}, DType::kF32).passed());
  // Rounding may change much, merging may not.
  const ProbeAnswer rounded = answer(1.2f, 2.1);
  EXPECT_TRUE(prove_export({live, live, rounded, rounded}, DType::kBF16).passed());
  EXPECT_FALSE(prove_export({live, rounded, rounded, rounded}, DType::kF32).passed());
}

TEST(ExportProof, fails_on_what_is_not_a_number) {
  const ProbeAnswer live = answer(1.0f, 2.0);
  for (const float bad : {NAN, INFINITY}) {
    EXPECT_FALSE(prove_export({live, live, live, answer(bad, 2.0)}, DType::kF32).passed());
    const ProbeAnswer same = answer(bad, 2.0);
    const ExportProof proof = prove_export({same, same, same, same}, DType::kF32);
    EXPECT_FALSE(proof.passed());
    EXPECT_TRUE(proof.to_json()["max_abs_logit_difference"].is_null());
  }
  const ProbeAnswer no_loss = answer(1.0f, NAN);
  EXPECT_FALSE(prove_export({no_loss, no_loss, no_loss, no_loss}, DType::kF32).passed());
}

}  // namespace
}  // namespace temper

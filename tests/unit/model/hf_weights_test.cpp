#include "model/hf_weights.h"
#include "io/safetensors/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "arch/parameters.h"
#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/model/configs.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

class HfWeightsTest : public testing::Test {
 protected:
  // Writes the parameters, each element its index plus `offset`.
  void write(const std::vector<ParameterInfo>& parameters, const std::string& file,
             DType dtype = DType::kF32, float offset = 0.0f) const {
    std::vector<SafetensorsWriter::Entry> entries;
    for (const auto& p : parameters) entries.push_back({p.name, dtype, p.shape});
    SafetensorsWriter writer(directory_ / file, entries);
    for (const auto& p : parameters) {
      std::vector<float> values(static_cast<size_t>(p.num_elements()));
      std::iota(values.begin(), values.end(), offset);
      writer.write_floats(p.name, 0, values.data(), p.num_elements());
    }
    writer.finish();
  }

  template <typename Function>
  static std::string user_error(Function&& function) {
    try {
      function();
    } catch (const UserError& error) {
      return error.what();
    }
    ADD_FAILURE() << "no UserError";
    return "";
  }

  const TemporaryDirectory temporary_;
  const fs::path directory_ = temporary_.path();
  ModelConfig config_ = small_config();
};

TEST_F(HfWeightsTest, reads_parts_of_what_is_there) {
  write(base_parameters(config_), "model.safetensors");
  const HfWeights weights(directory_, config_);
  EXPECT_TRUE(weights.contains("lm_head.weight"));
  EXPECT_FALSE(weights.contains("lm_head.bias"));
  std::vector<float> part(3);
  weights.read("model.norm.weight", {config_.hidden_size}, 4, 7, part.data());
  EXPECT_THAT(part, testing::ElementsAre(4.0f, 5.0f, 6.0f));
}

TEST_F(HfWeightsTest, names_what_is_missing_or_of_another_shape) {
  auto parameters = base_parameters(config_);
  parameters.pop_back();
  write(parameters, "model.safetensors");
  EXPECT_THAT(user_error([&] { HfWeights(directory_, config_); }), names("lm_head.weight"));

  config_.tie_word_embeddings = true;
  EXPECT_NO_THROW(HfWeights(directory_, config_)) << "a tied model has no lm_head";
  config_.intermediate_size = 38;
  EXPECT_THAT(user_error([&] { HfWeights(directory_, config_); }),
              names("model.layers.0.mlp.gate_proj.weight", "[37, 20]", "[38, 20]"));
}

TEST_F(HfWeightsTest, refuses_integers) {
  const auto parameters = base_parameters(config_);
  std::vector<SafetensorsWriter::Entry> entries;
  for (const auto& p : parameters) entries.push_back({p.name, DType::kI32, p.shape});
  SafetensorsWriter writer(directory_ / "model.safetensors", entries);
  for (const auto& p : parameters) {
    const std::vector<int32_t> values(static_cast<size_t>(p.num_elements()));
    writer.write(p.name, 0, std::as_bytes(std::span(values)));
  }
  writer.finish();
  EXPECT_THAT(user_error([&] { HfWeights(directory_, config_); }), names("I32"));
}

TEST_F(HfWeightsTest, hash_follows_names_types_and_bytes) {
  write(base_parameters(config_), "model.safetensors");
  const Hash128 first = HfWeights(directory_, config_).hash();
  EXPECT_EQ(HfWeights(directory_, config_).hash(), first);
  write(base_parameters(config_), "model.safetensors", DType::kF32, 1.0f);
  EXPECT_FALSE(HfWeights(directory_, config_).hash() == first);
  write(base_parameters(config_), "model.safetensors", DType::kBF16);
  EXPECT_FALSE(HfWeights(directory_, config_).hash() == first);
}

TEST_F(HfWeightsTest, hash_sees_every_byte_and_is_the_sum_of_its_parts) {
  config_.vocab_size = 130'000;  // the embedding has several blocks of the hash
  write(base_parameters(config_), "model.safetensors");
  const fs::path path = directory_ / "model.safetensors";
  const Hash128 whole = HfWeights(directory_, config_).hash();
  for (const int num_parts : {2, 3, 64}) {
    const HfWeights weights(directory_, config_);
    Hash128 sum;
    for (int part = 0; part < num_parts; ++part) sum += weights.partial_hash(part, num_parts);
    EXPECT_EQ(sum, whole) << num_parts;
  }
  const auto bytes = static_cast<int64_t>(fs::file_size(path));
  for (const int64_t offset : {bytes / 7, bytes / 3, bytes / 2 + 4099, bytes - 70'000, bytes - 1}) {
    const auto flip = [&] {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(offset);
      const int byte = file.get();
      file.seekp(offset);
      file.put(static_cast<char>(byte ^ 1));
    };
    flip();
    EXPECT_FALSE(HfWeights(directory_, config_).hash() == whole) << "byte " << offset;
    flip();
  }
  EXPECT_EQ(HfWeights(directory_, config_).hash(), whole);
}

TEST_F(HfWeightsTest, an_adapter_must_match_its_config) {
  const LoraConfig lora = small_lora({"q_proj", "v_proj"});
  write(lora_parameters(config_, lora), "adapter_model.safetensors");
  const PeftWeights weights(directory_, config_, lora);
  EXPECT_TRUE(weights.contains("base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight"));
  EXPECT_THAT(user_error([&] { PeftWeights(directory_, config_, small_lora({"k_proj"})); }),
              names("k_proj"));
  EXPECT_THAT(user_error([&] { PeftWeights(directory_, config_, small_lora({"q_proj"})); }),
              names("v_proj"));
  LoraConfig other_rank = lora;
  other_rank.r = 4;
  EXPECT_THAT(user_error([&] { PeftWeights(directory_, config_, other_rank); }), names("[3, 20]"));
}

TEST_F(HfWeightsTest, numbers_that_are_not_finite_are_noticed_where_they_are_read) {
  write(base_parameters(config_), "model.safetensors", DType::kF32,
        std::numeric_limits<float>::max());  // largest finite: no false alarm
  const std::vector<int64_t> shape = {config_.vocab_size, config_.hidden_size};
  std::vector<float> values(20);
  {
    const HfWeights weights(directory_, config_);
    weights.read("lm_head.weight", shape, 0, 20, values.data());
    EXPECT_THAT(weights.non_finite_tensors(), testing::IsEmpty());
  }
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    write(base_parameters(config_), "model.safetensors", DType::kF32, bad);
    const HfWeights weights(directory_, config_);
    weights.read("lm_head.weight", shape, 0, 20, values.data());
    weights.read("lm_head.weight", shape, 20, 40, values.data());
    EXPECT_THAT(weights.non_finite_tensors(), testing::ElementsAre("lm_head.weight"));
  }
}

TEST_F(HfWeightsTest, modules_to_save_stand_before_the_base) {
  LoraConfig lora = small_lora({"q_proj"});
  lora.modules_to_save = {"lm_head"};
  write(base_parameters(config_), "model.safetensors");
  write(peft_parameters(config_, lora), "adapter_model.safetensors", DType::kF32, 1000.0f);
  const HfWeights base(directory_, config_);
  const PeftWeights adapter(directory_, config_, lora);
  EXPECT_FALSE(adapter.contains("model.embed_tokens.weight"));
  const ChainedWeights weights({&adapter, &base});
  const std::vector<int64_t> shape = {config_.vocab_size, config_.hidden_size};
  float value = 0.0f;
  weights.read("lm_head.weight", shape, 3, 4, &value);
  EXPECT_EQ(value, 1003.0f);
  weights.read("model.embed_tokens.weight", shape, 3, 4, &value);
  EXPECT_EQ(value, 3.0f);
  EXPECT_THAT(user_error([&] { PeftWeights(directory_, config_, small_lora({"q_proj"})); }),
              names("base_model.model.lm_head.weight"));
}

TEST_F(HfWeightsTest, a_tied_matrix_must_be_the_same_under_both_names) {
  config_.tie_word_embeddings = true;
  LoraConfig lora = small_lora({"q_proj"});
  lora.modules_to_save = {"embed_tokens", "lm_head"};
  resolve_lora_targets(lora, config_);
  const auto parameters = peft_parameters(config_, lora);
  write(parameters, "adapter_model.safetensors");
  EXPECT_TRUE(PeftWeights(directory_, config_, lora).contains("model.embed_tokens.weight"));
  std::fstream file(directory_ / "adapter_model.safetensors",
                    std::ios::in | std::ios::out | std::ios::binary);
  uint64_t header_bytes = 0;
  file.read(reinterpret_cast<char*>(&header_bytes), sizeof(header_bytes));
  file.seekp(static_cast<int64_t>(sizeof(header_bytes) + header_bytes));  // the head is the first
  file.put('\x7f');
  file.close();
  EXPECT_THAT(user_error([&] { PeftWeights(directory_, config_, lora); }),
              names("adapter_model.safetensors", "embed_tokens", "lm_head", "tie_word_embeddings"));
}

TEST(InitialBaseWeights, are_normal_and_independent_of_how_they_are_read) {
  ModelConfig config = small_config();
  config.vocab_size = 2000;
  config.initializer_range = 0.02;
  const InitialBaseWeights weights(config, 7);
  const std::string name = "model.embed_tokens.weight";
  const std::vector<int64_t> shape = {2000, 20};
  std::vector<float> all(40000), parts(40000), other(40000);
  weights.read(name, shape, 0, 40000, all.data());
  for (int64_t begin = 0; begin < 40000; begin += 1237) {
    weights.read(name, shape, begin, std::min<int64_t>(begin + 1237, 40000), parts.data() + begin);
  }
  EXPECT_EQ(all, parts);
  double sum = 0.0, squares = 0.0;
  for (const float value : all) sum += value, squares += value * value;
  EXPECT_NEAR(sum / 40000, 0.0, 4e-4);
  EXPECT_NEAR(std::sqrt(squares / 40000), 0.02, 4e-4);

  InitialBaseWeights(config, 8).read(name, shape, 0, 40000, other.data());
  EXPECT_NE(all, other);
  weights.read("lm_head.weight", shape, 0, 40000, other.data());
  EXPECT_NE(all, other);
  weights.read("model.norm.weight", {20}, 0, 20, other.data());
  EXPECT_EQ(other[11], 1.0f);
  EXPECT_FALSE(weights.contains("base_model.model.model.layers.0.mlp.up_proj.lora_A.weight"));
}

TEST(InitialBaseWeights, biases_begin_at_zero) {
  ModelConfig config = small_config();
  config.qkv_bias = true;
  std::vector<float> values(24, 9.0f);
  InitialBaseWeights(config, 7).read("model.layers.0.self_attn.q_proj.bias", {24}, 0, 24,
                                     values.data());
  EXPECT_THAT(values, testing::Each(0.0f));
}

TEST(InitialLoraWeights, begin_as_peft_does) {
  const InitialLoraWeights weights(7);
  const std::string module = "base_model.model.model.layers.0.mlp.up_proj";
  ASSERT_TRUE(weights.contains(module + ".lora_A.weight"));
  EXPECT_FALSE(weights.contains("model.layers.0.mlp.up_proj.weight"));
  std::vector<float> values(8 * 400);
  weights.read(module + ".lora_A.weight", {8, 400}, 0, 3200, values.data());
  double squares = 0.0;
  for (const float value : values) {
    EXPECT_LE(std::abs(value), 0.05f);
    squares += value * value;
  }
  EXPECT_NEAR(std::sqrt(squares / 3200), 0.05 / std::sqrt(3.0), 1e-3);
  weights.read(module + ".lora_B.weight", {400, 8}, 0, 3200, values.data());
  EXPECT_THAT(values, testing::Each(0.0f));
}

TEST(ChainedWeights, take_the_first_that_has_the_name) {
  const ModelConfig config = small_config();
  const InitialBaseWeights base(config, 1), shadowed(config, 2);
  const InitialLoraWeights adapters(3);
  const ChainedWeights chain({&base, &shadowed, &adapters});
  EXPECT_TRUE(chain.contains("model.norm.weight"));
  EXPECT_TRUE(chain.contains("x.lora_A.weight"));
  EXPECT_FALSE(chain.contains("x"));
  std::vector<float> expected(20), actual(20);
  base.read("lm_head.weight", {61, 20}, 0, 20, expected.data());
  chain.read("lm_head.weight", {61, 20}, 0, 20, actual.data());
  EXPECT_EQ(actual, expected);
}

}  // namespace
}  // namespace temper

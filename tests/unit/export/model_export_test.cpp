#include "export/model_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "arch/parameters.h"
#include "checkpoint/fine_tuned_model.h"
#include "common/error.h"
#include "export/probe.h"
#include "io/atomic_file.h"
#include "io/safetensors/safetensors_file.h"
#include "model/resident_model.h"
#include "tests/fixtures/names.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

ExportSource source_of(const FineTunedModel& tuned) {
  ExportSource source;
  source.base_directory = tuned.base_directory();
  source.config = tuned.config();
  source.lora = tuned.lora();
  source.weights = &tuned.weights();
  source.provenance = {{"step", tuned.record().step}};
  return source;
}

ExportOptions options_to(const fs::path& output) {
  ExportOptions options;
  options.output = output;
  return options;
}

Batch probe_of(const ModelConfig& config) {
  return make_probe(config, {1, 2, 3, 4, 5});
}

// All weights in memory at once, as training and generation have them.
ProbeAnswer answer_resident(const ResidentModel& model, const Batch& probe) {
  return {model.logits(probe), model.loss_sum(probe) / static_cast<double>(probe.num_targets)};
}

ProbeAnswer answer_tuned(const FineTunedModel& tuned) {
  return answer_resident(
      ResidentModel(tuned.config(), tuned.lora(), Training::kNone, tuned.weights()),
      probe_of(tuned.config()));
}

ProbeAnswer answer_directory(const fs::path& directory) {
  const ModelConfig config = ModelConfig::from_directory(directory);
  return answer_resident(
      ResidentModel(config, std::nullopt, Training::kNone, HfWeights(directory, config)),
      probe_of(config));
}

ProbeAnswer answer_adapter(const fs::path& base, const fs::path& directory) {
  const ModelConfig config = ModelConfig::from_directory(base);
  LoraConfig lora = LoraConfig::from_directory(directory);
  resolve_lora_targets(lora, config);
  const HfWeights base_weights(base, config);
  const PeftWeights adapter(directory, config, lora);
  return answer_resident(
      ResidentModel(config, lora, Training::kNone, ChainedWeights({&adapter, &base_weights})),
      probe_of(config));
}

// Gives other values the first time it is read: a checkpoint that is damaged on its way to disk.
class FickleWeights : public WeightSource {
 public:
  explicit FickleWeights(const WeightSource& weights) : weights_(&weights) {}
  bool contains(const std::string& name) const override { return weights_->contains(name); }
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override {
    weights_->read(name, shape, begin, end, out);
    if (name.find("up_proj") == name.npos || num_reads_++ > 0) return;
    out[0] += 0.5f;
  }

 private:
  const WeightSource* weights_;
  mutable int num_reads_ = 0;
};

struct Case {
  bool tied;
  bool lora;
  std::vector<std::string> modules_to_save = {};
};

class ModelExport : public ::testing::TestWithParam<Case> {
 protected:
  ModelExport()
      : world_({.tied = GetParam().tied,
                .lora = GetParam().lora,
                .modules_to_save = GetParam().modules_to_save}),
        fine_tuned_(world_.checkpoint()) {}
  fs::path output() const { return world_.root() / "out"; }

  TinyRun world_;
  FineTunedModel fine_tuned_;
};

TEST_P(ModelExport, gives_the_trained_model_back) {
  const ProbeAnswer live = answer_tuned(fine_tuned_);
  ASSERT_GT(max_logit_difference(live, answer_directory(world_.base())), 1e-2)
      << "training changed nothing, so the test could not fail";
  const Json report = export_model(source_of(fine_tuned_), options_to(output()));
  EXPECT_TRUE(report["proof"]["passed"]);
  EXPECT_EQ(report["proof"]["max_abs_logit_difference"], 0.0);
  EXPECT_EQ(report["source"]["step"], 2);
  if (GetParam().lora) {
    EXPECT_EQ(report["kind"], "adapter");
    EXPECT_THAT(
        TinyRun::list(output()),
        ElementsAre("adapter_config.json", "adapter_model.safetensors", "export_report.json"));
    EXPECT_EQ(max_logit_difference(live, answer_adapter(world_.base(), output())), 0.0);
    const SafetensorsFile file(output() / "adapter_model.safetensors");
    for (const char* module : {"lm_head", "model.embed_tokens"}) {
      const std::vector<std::string>& saved = GetParam().modules_to_save;
      EXPECT_EQ(file.contains(fmt::format("base_model.model.{}.weight", module)),
                std::any_of(saved.begin(), saved.end(),
                            [&](const std::string& name) { return names_module(name, module); }))
          << module;
    }
  } else {
    EXPECT_EQ(report["kind"], "full");
    EXPECT_THAT(TinyRun::list(output()),
                ElementsAre("config.json", "export_report.json", "generation_config.json",
                            "model.safetensors", "tokenizer.json", "tokenizer_config.json"));
    EXPECT_EQ(max_logit_difference(live, answer_directory(output())), 0.0);
    EXPECT_EQ(SafetensorsFile(output() / "model.safetensors").contains("lm_head.weight"),
              !GetParam().tied);
  }
  EXPECT_EQ(read_json_file(output() / kExportReportFile), report);
}

TEST_P(ModelExport, in_other_types_differs_by_rounding_only) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    ExportOptions options = options_to(output());
    options.dtype = dtype;
    const Json report = export_model(source_of(fine_tuned_), options);
    const Json& proof = report["proof"];
    EXPECT_TRUE(proof["passed"]);
    EXPECT_GT(proof["rounding_logit_difference"], 1e-5);
    EXPECT_EQ(proof["unexplained_logit_difference"], 0.0);
    const SafetensorsFile file(
        output() / (GetParam().lora ? "adapter_model.safetensors" : "model.safetensors"));
    for (const auto& [name, info] : file.tensors()) EXPECT_EQ(info.dtype, dtype) << name;
    if (GetParam().lora) continue;
    EXPECT_EQ(read_json_file(output() / "config.json")["torch_dtype"],
              dtype == DType::kBF16 ? "bfloat16" : "float16");
  }
}

TEST_P(ModelExport, merges_an_adapter) {
  ExportOptions options = options_to(output());
  options.merge = true;
  if (!GetParam().lora) {
    EXPECT_THROW(export_model(source_of(fine_tuned_), options), UserError);
    EXPECT_FALSE(fs::exists(output()));
    return;
  }
  const Json report = export_model(source_of(fine_tuned_), options);
  EXPECT_EQ(report["kind"], "merged");
  EXPECT_LT(max_logit_difference(answer_tuned(fine_tuned_), answer_directory(output())), 1e-4);
  EXPECT_EQ(SafetensorsFile(output() / "model.safetensors").contains("lm_head.weight"),
            !GetParam().tied);
  options.dtype = DType::kBF16;
  const Json rounded = export_model(source_of(fine_tuned_), options);
  EXPECT_GT(rounded["proof"]["rounding_logit_difference"], 1e-4);
  EXPECT_LE(rounded["proof"]["unexplained_logit_difference"], 1e-4);
}

TEST_P(ModelExport, in_shards_loads_again) {
  ExportOptions options = options_to(output());
  options.merge = GetParam().lora;
  options.max_shard_bytes = 20'000;
  export_model(source_of(fine_tuned_), options);
  const Json index = read_json_file(output() / "model.safetensors.index.json");
  int64_t total_size = 0, largest_shard = 0;
  for (const std::string& name : TinyRun::list(output())) {
    if (!name.ends_with(".safetensors")) continue;
    int64_t shard = 0;
    const SafetensorsFile file(output() / name);
    for (const auto& [tensor, info] : file.tensors()) {
      EXPECT_EQ(index["weight_map"][tensor], name);
      shard += static_cast<int64_t>(info.num_bytes());
    }
    total_size += shard;
    largest_shard = std::max(largest_shard, shard);
  }
  EXPECT_EQ(index["metadata"]["total_size"], total_size);
  EXPECT_EQ(largest_shard, 264 * 32 * 4) << "only the embedding is larger than a shard";
  EXPECT_THAT(TinyRun::list(output()), Contains(HasSubstr("model-00001-of-000")));
  EXPECT_THAT(TinyRun::list(output()), Not(Contains("model.safetensors")));
  EXPECT_LT(max_logit_difference(answer_tuned(fine_tuned_), answer_directory(output())), 1e-4);
}

TEST_P(ModelExport, that_fails_its_proof_leaves_nothing) {
  const FickleWeights fickle(fine_tuned_.weights());
  ExportSource source = source_of(fine_tuned_);
  source.weights = &fickle;
  const auto before = TinyRun::list(world_.root());
  try {
    export_model(source, options_to(output()));
    FAIL() << "an export of other weights passed its proof";
  } catch (const SystemError& error) {
    EXPECT_THAT(error.what(), names(output().string(), "logits", "tolerance"));
    EXPECT_EQ(error.exit_code(), kExitFailed);
  }
  EXPECT_EQ(TinyRun::list(world_.root()), before);
}

TEST_P(ModelExport, that_fails_its_proof_leaves_an_earlier_export_alone) {
  export_model(source_of(fine_tuned_), options_to(output()));
  const std::string report = read_file(output() / kExportReportFile);
  const FickleWeights fickle(fine_tuned_.weights());
  ExportSource source = source_of(fine_tuned_);
  source.weights = &fickle;
  EXPECT_THROW(export_model(source, options_to(output())), SystemError);
  EXPECT_EQ(read_file(output() / kExportReportFile), report);
}

TEST_P(ModelExport, replaces_only_an_earlier_export) {
  make_directories(output());
  export_model(source_of(fine_tuned_), options_to(output()));
  write_file_atomically(output() / "stale.safetensors", "of the first export");
  export_model(source_of(fine_tuned_), options_to(output()));
  EXPECT_THAT(TinyRun::list(output()), Not(Contains("stale.safetensors")));

  for (const fs::path& other : {world_.base(), world_.run(), world_.corpus()}) {
    EXPECT_THROW(export_model(source_of(fine_tuned_), options_to(other)), UserError) << other;
  }
  EXPECT_TRUE(fs::exists(world_.base() / "tokenizer.json"));
}

TEST_P(ModelExport, is_readable_by_its_owner_only) {
  export_model(source_of(fine_tuned_), options_to(output()));
  struct stat status = {};
  ASSERT_EQ(stat(output().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  for (const std::string& name : TinyRun::list(output())) {
    ASSERT_EQ(stat((output() / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_P(ModelExport, reports_golden_vectors_of_the_reloaded_model) {
  ExportOptions options = options_to(output());
  options.chat_template = "chatml";
  options.golden = {{{{"user", "Hello"}}, "rendered", {256, 10, 20, 30}}};
  const Json report = export_model(source_of(fine_tuned_), options);
  EXPECT_EQ(report["chat_template"], "chatml");
  const Json& golden = report["golden"].at(0);
  EXPECT_EQ(golden["messages"], (Json{{{"role", "user"}, {"content", "Hello"}}}));
  EXPECT_EQ(golden["token_ids"], (Json{256, 10, 20, 30}));
  const at::Tensor last = ResidentModel(fine_tuned_.config(), fine_tuned_.lora(), Training::kNone,
                                        fine_tuned_.weights())
                              .logits(make_prompt_batch({{256, 10, 20, 30}}))
                              .select(0, -1);
  EXPECT_EQ(golden["first_logits"].at(0)["token_id"], last.argmax().item<int64_t>());
  EXPECT_NEAR(golden["first_logits"].at(0)["logit"].get<double>(), last.max().item<double>(), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(All, ModelExport,
                         ::testing::Values(Case{false, false}, Case{true, false}, Case{false, true},
                                           Case{true, true}, Case{false, true, {"lm_head"}},
                                           Case{false, true, {"embed_tokens", "lm_head"}},
                                           Case{true, true, {"embed_tokens", "lm_head"}}),
                         [](const auto& test) {
                           std::string name = test.param.lora ? "lora" : "full";
                           name += test.param.tied ? "_tied" : "_untied";
                           for (const std::string& saved : test.param.modules_to_save) {
                             name += "_" + saved;
                           }
                           return name;
                         });

TEST(ModelExport, index_counts_the_bytes_of_the_type_that_is_written) {
  const TinyRun world({false, false});
  const FineTunedModel tuned(world.checkpoint());
  ExportOptions options = options_to(world.root() / "out");
  options.dtype = DType::kBF16;
  options.max_shard_bytes = 20'000;
  export_model(source_of(tuned), options);
  const Json index = read_json_file(options.output / "model.safetensors.index.json");
  EXPECT_EQ(index["metadata"]["total_size"], 2 * count_elements(base_parameters(tuned.config())));
}

TEST(ModelExport, never_replaces_a_base_that_is_an_export_itself) {
  const TinyRun world({false, true});
  write_file_atomically(world.base() / kExportReportFile, R"({"format": "temper-export"})");
  const FineTunedModel tuned(world.checkpoint());
  EXPECT_THROW(export_model(source_of(tuned), options_to(world.base())), UserError);
  EXPECT_TRUE(fs::exists(world.base() / "model.safetensors"));
}

TEST(ModelExport, brings_the_template_along) {
  for (const bool lora : {false, true}) {
    const TinyRun world({false, lora});
    write_file_atomically(world.base() / "chat_template.jinja", "the base's");
    const FineTunedModel tuned(world.checkpoint());
    ExportOptions options = options_to(world.root() / "out");
    options.template_source = "the run's";
    export_model(source_of(tuned), options);
    EXPECT_EQ(read_file(options.output / "chat_template.jinja"), "the run's");
    EXPECT_EQ(read_file(world.base() / "chat_template.jinja"), "the base's");
  }
}

TEST(ModelExport, adds_the_stop_tokens_to_the_generation_config) {
  const TinyRun world({false, false});
  const FineTunedModel tuned(world.checkpoint());
  ExportOptions options = options_to(world.root() / "out");
  options.stop_token_ids = {257, 259};
  export_model(source_of(tuned), options);
  const Json generation = read_json_file(options.output / "generation_config.json");
  EXPECT_EQ(generation["eos_token_id"], (Json{257, 259}));
  EXPECT_EQ(generation["bos_token_id"], 256);
}

TEST(ModelExport, names_the_base_and_the_settings_of_an_adapter_as_peft_reads_them) {
  const TinyRun world({false, true});
  const FineTunedModel tuned(world.checkpoint());
  export_model(source_of(tuned), options_to(world.root() / "out"));
  const Json config = read_json_file(world.root() / "out" / "adapter_config.json");
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["base_model_name_or_path"], world.base().string());
  EXPECT_EQ(config["r"], 4);
  EXPECT_EQ(config["lora_alpha"], 8);
  const SafetensorsFile file(world.root() / "out" / "adapter_model.safetensors");
  const std::string module = "base_model.model.model.layers.1.mlp.down_proj.";
  EXPECT_THAT(file.info(module + "lora_A.weight").shape, ElementsAre(4, 56));
  EXPECT_THAT(file.info(module + "lora_B.weight").shape, ElementsAre(32, 4));
  EXPECT_EQ(file.tensors().size(), 2u * 2u * 7u);
}

}  // namespace
}  // namespace temper

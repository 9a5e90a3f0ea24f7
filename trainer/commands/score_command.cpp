#include "trainer/commands/score_command.h"
#include "comm/mpi/comm_environment.h"

#include <boost/program_options.hpp>

#include <filesystem>
#include <iostream>
#include <optional>
#include <vector>

#include "arch/adapter_origin.h"
#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "common/error.h"
#include "data/order/micro_batch.h"
#include "eval/held_out_loss.h"
#include "io/output_guard.h"
#include "io/safetensors/safetensors_file.h"
#include "model/hf_weights.h"
#include "model/resident_model.h"
#include "model/score.h"
#include "trainer/commands/command_line.h"
#include "trainer/commands/model_options.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "temper score --model DIR [--adapter DIR] --input X.safetensors --output Y.safetensors";

struct ScoreInput {
  int64_t num_rows = 0;
  int64_t row_len = 0;
  Batch batch;
};

// `input_ids` and `labels` [B, S]; the rows are documents of their own unless `cu_seqlens` says
// where documents lie in the single row.
ScoreInput read_input(const std::filesystem::path& path, int64_t vocab_size) {
  const SafetensorsFile file(path);
  const std::vector<int64_t>& shape = file.info("input_ids").shape;
  if (shape.size() != 2 || file.info("labels").shape != shape ||
      file.info("input_ids").num_elements() == 0) {
    throw UserError("{}: input_ids and labels must both be [batch, sequence]", path.string());
  }
  ScoreInput input;
  input.num_rows = shape[0];
  input.row_len = shape[1];
  const std::vector<int64_t> tokens = file.read_integers("input_ids");
  for (const int64_t token : tokens) {
    if (token < 0 || token >= vocab_size) {
      throw UserError("{}: input_ids holds {}, outside the vocabulary of {}", path.string(), token,
                      vocab_size);
    }
  }
  std::vector<int32_t> cu_seqlens;
  if (file.contains("cu_seqlens")) {
    if (input.num_rows != 1) {
      throw UserError("{}: cu_seqlens needs a batch of one row, not {}", path.string(),
                      input.num_rows);
    }
    for (const int64_t bound : file.read_integers("cu_seqlens")) {
      const bool first = cu_seqlens.empty();
      if (bound > input.row_len || (first ? bound != 0 : bound <= cu_seqlens.back())) {
        throw UserError("{}: cu_seqlens must rise from 0 to {}", path.string(), input.row_len);
      }
      cu_seqlens.push_back(static_cast<int32_t>(bound));
    }
    if (cu_seqlens.size() < 2 || cu_seqlens.back() != input.row_len) {
      throw UserError("{}: cu_seqlens must rise from 0 to {}", path.string(), input.row_len);
    }
  } else {
    for (int64_t row = 0; row <= input.num_rows; ++row) {
      cu_seqlens.push_back(static_cast<int32_t>(row * input.row_len));
    }
  }
  input.batch = to_batch(make_micro_batch(tokens, file.read_integers("labels"), cu_seqlens));
  return input;
}

po::options_description make_options() {
  po::options_description options("Options", kHelpWidth, kHelpTextWidth);
  options.add_options()("help,h", "this text")("model", po::value<std::string>()->value_name("DIR"),
                                               "Hugging Face model directory")(
      "adapter", po::value<std::string>()->value_name("DIR"), "PEFT adapter directory")(
      "input", po::value<std::string>()->value_name("FILE"),
      "input_ids [B,S], labels [B,S] (-100 ignored), optional cu_seqlens (B = 1)")(
      "output", po::value<std::string>()->value_name("FILE"),
      "logits, loss and, with --grads, grad.<name>")(
      "grads", "write gradients of the mean loss (of the adapter only, when there is one)")(
      "merged", "merge the adapter into the base first");
  add_device_option(options);
  return options;
}

void score(const po::variables_map& values) {
  for (const char* required : {"model", "input", "output"}) {
    if (values.count(required) == 0) throw UserError("score: --{} is missing", required);
  }
  const bool merged = values.count("merged") != 0;
  const bool grads = values.count("grads") != 0;
  if (merged && (values.count("adapter") == 0 || grads)) {
    throw UserError("score: --merged needs --adapter and excludes --grads");
  }
  const ComputeDevice place = compute_place(values, 0);
  const std::filesystem::path output = values["output"].as<std::string>();
  refuse_to_overwrite_foreign(output, "an earlier output of temper score",
                              [&] { return SafetensorsFile(output).contains("logits"); });
  make_output_folder(output);

  const std::filesystem::path model_path = values["model"].as<std::string>();
  const ModelConfig config = ModelConfig::from_directory(model_path);
  const HfWeights base(model_path, config);
  std::vector<const WeightSource*> sources;
  std::optional<LoraConfig> lora;
  std::optional<PeftWeights> adapter;
  if (values.count("adapter") != 0) {
    const std::filesystem::path adapter_path = values["adapter"].as<std::string>();
    lora = LoraConfig::from_directory(adapter_path);
    resolve_lora_targets(*lora, config);
    adapter.emplace(adapter_path, config, *lora);
    check_base_of_adapter(adapter_path, model_path, [&] { return base.hash(); });
    sources.push_back(&*adapter);
  }
  sources.push_back(&base);
  const ScoreInput input = read_input(values["input"].as<std::string>(), config.vocab_size);
  const Training training = !grads ? Training::kNone : lora ? Training::kLora : Training::kFull;
  ResidentModel model(config, lora, training, ChainedWeights(sources), place);
  warn_of_non_finite(model_path.string(), base.non_finite_tensors());
  if (adapter)
    warn_of_non_finite(values["adapter"].as<std::string>(), adapter->non_finite_tensors());
  if (merged) model.merge_lora();
  write_scores(model, input.batch, input.num_rows, input.row_len, grads, output);
}

}  // namespace

int score_command(const std::vector<std::string>& arguments, CommEnvironment& environment) {
  run_on_rank_0(environment.world(), arguments, kUsage, make_options(), score);
  return kExitDone;
}

}  // namespace temper

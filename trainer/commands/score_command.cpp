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
#include "trainer/commands/commands.h"
#include "trainer/commands/model_options.h"

namespace temper {
namespace {

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
  input.batch = make_batch(make_micro_batch(tokens, file.read_integers("labels"), cu_seqlens));
  return input;
}

void score(const CommandLine& line) {
  const bool merged = line.has("merged");
  const bool grads = line.has("grads");
  if (merged && (!line.has("adapter") || grads)) {
    line.refuse("--merged needs --adapter and excludes --grads");
  }
  const ComputeDevice device = compute_device(line, 0);
  const std::filesystem::path output = line.get("output");
  refuse_to_overwrite_foreign(output, "an earlier output of temper score",
                              [&] { return SafetensorsFile(output).contains("logits"); });
  make_output_folder(output);

  const std::filesystem::path model_path = line.get("model");
  const ModelConfig config = ModelConfig::from_directory(model_path);
  const HfWeights base(model_path, config);
  std::vector<const WeightSource*> sources;
  std::optional<LoraConfig> lora;
  std::optional<PeftWeights> adapter;
  if (line.has("adapter")) {
    const std::filesystem::path adapter_path = line.get("adapter");
    lora = LoraConfig::from_directory(adapter_path);
    resolve_lora_targets(*lora, config);
    adapter.emplace(adapter_path, config, *lora);
    check_base_of_adapter(adapter_path, model_path, [&] { return base.hash(); });
    sources.push_back(&*adapter);
  }
  sources.push_back(&base);
  const ScoreInput input = read_input(line.get("input"), config.vocab_size);
  const Training training = !grads ? Training::kNone : lora ? Training::kLora : Training::kFull;
  ResidentModel model(config, lora, training, ChainedWeights(sources), device);
  warn_of_non_finite(model_path.string(), base.non_finite_tensors());
  if (adapter) warn_of_non_finite(line.get("adapter"), adapter->non_finite_tensors());
  if (merged) model.merge_lora();
  write_scores(model, input.batch, input.num_rows, input.row_len, grads, output);
}

}  // namespace

int score_command(const CommandLine& line, CommEnvironment& environment) {
  return run_on_rank_0(environment.world(), [&] { score(line); });
}

}  // namespace temper

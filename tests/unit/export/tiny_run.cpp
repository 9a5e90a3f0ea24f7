#include "tests/unit/export/tiny_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "arch/run_adapter.h"
#include "checkpoint/checkpoint_saver.h"
#include "comm/local/local_process_group.h"
#include "common/philox.h"
#include "config/resolved_config.h"
#include "data/packing/pack_corpus.h"
#include "export/model_writer.h"
#include "export/probe.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "model/decoder.h"
#include "model/hf_weights.h"
#include "run/owned_run_directory.h"
#include "run/run_identity.h"
#include "tests/fixtures/byte_tokenizer.h"
#include "tests/fixtures/llama_json.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kVocabSize = 264;  // 256 bytes and four special tokens, rounded up

std::string tokenizer_json() {
  ByteTokenizer tokenizer;
  tokenizer.special_tokens = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
  tokenizer.splits_words = tokenizer.trims_offsets = true;
  return byte_tokenizer_json(tokenizer);
}

// Adapters begin as exact zeros; a few large steps make both matrices count.
Batch training_batch(int64_t step) {
  const Philox random(7, static_cast<uint64_t>(step));
  std::vector<int64_t> ids;
  for (uint64_t t = 0; t < 40; ++t) ids.push_back(static_cast<int64_t>(random.below(t, 256)));
  Batch batch = make_prompt_batch({ids});
  batch.training = true;
  return batch;
}

}  // namespace

Json tiny_config_json(bool tied) {
  return with(llama_json(kVocabSize, 32, 56), {{"hidden_act", "silu"},
                                               {"rope_theta", 10000.0},
                                               {"initializer_range", 0.2},
                                               {"bos_token_id", 256},
                                               {"eos_token_id", 257},
                                               {"tie_word_embeddings", tied},
                                               {"torch_dtype", "float32"}});
}

void write_tiny_model(const fs::path& directory, bool tied, uint64_t seed) {
  make_directories(directory);
  const ModelConfig config = ModelConfig::from_json(tiny_config_json(tied), "tiny");
  write_model(directory, base_parameters(config), InitialBaseWeights(config, seed), DType::kF32,
              kDefaultMaxShardBytes);
  write_file_atomically(directory / "config.json", config.json.dump(2));
  write_file_atomically(directory / "tokenizer.json", tokenizer_json());
  write_file_atomically(directory / "tokenizer_config.json",
                        R"({"bos_token": "<s>", "eos_token": "</s>"})");
}

TinyRun::TinyRun(const Options& options) : chat_template_(options.chat_template) {
  at::set_num_threads(1);  // waiting for each other would cost more than these tensors
  write_tiny_model(base(), options.tied, 11);
  std::string corpus_text;
  for (int i = 0; i < 12; ++i) {
    corpus_text += Json{{"prompt", fmt::format("What is {} and {}?", i, i + 1)},
                        {"completion", fmt::format("It is {}.", 2 * i + 1)}}
                       .dump() +
                   "\n";
  }
  write_file_atomically(corpus(), corpus_text);
  PackOptions pack;
  pack.corpus.inputs = {corpus()};
  pack.output = dataset();
  pack.tokenizer = base();
  pack.chat_template = "chatml";
  pack.sequence_len = 128;
  pack.corpus.num_workers = 1;
  pack_corpus(pack);

  config_.base_model = base();
  config_.adapter = options.lora ? "lora" : "";
  config_.lora_r = 4;
  config_.lora_alpha = 8;
  config_.lora_modules_to_save = options.modules_to_save;
  config_.datasets = {{dataset(), 1.0}};
  config_.test_datasets = {{dataset(), 1.0}};
  config_.output_dir = run();
  config_.max_steps = 2;
  train();
}

void TinyRun::train() const {
  const ModelConfig model_config = ModelConfig::from_directory(base());
  std::optional<LoraConfig> lora;
  if (config_.is_lora()) lora = lora_of_run(config_, model_config);
  const HfWeights base_weights(base(), model_config);
  const InitialLoraWeights adapter(3);

  const auto group = make_local_process_group();
  ShardedModel model(
      make_decoder(model_config, lora ? &*lora : nullptr, lora ? Training::kLora : Training::kFull),
      *group, ShardingOptions{});
  model.load(ChainedWeights({&base_weights, &adapter}));
  AdamWOptions adamw;
  adamw.learning_rate = 0.05;
  for (int64_t step = 1; step <= config_.max_steps; ++step) {
    const Batch batch = training_batch(step);
    model.forward_backward(&batch, 1);
    model.finish_gradients();
    adamw.gradient_scale = 1.0 / static_cast<double>(batch.num_targets);
    adamw.step = step;
    model.adamw_step(adamw);
  }

  const OwnedRunDirectory directory(run(), "test");
  directory.take_ownership();
  CommitRecord record;
  record.step = config_.max_steps;
  record.rows_consumed = config_.max_steps;
  record.run_id = "tiny-run";
  record.base_hash = base_weights.hash();
  record.tokenizer_hash = Tokenizer::from_file(base()).hash();
  record.adapter = config_.adapter;
  if (!chat_template_.name.empty()) record.chat_template = chat_template_;
  record.config_yaml = resolved_yaml(config_);
  record.cpu_kernels = "any";
  RunIdentity identity;
  identity.run_id = record.run_id;
  identity.base_hash = record.base_hash;
  identity.adapter = config_.adapter;
  write_file_atomically(directory.identity_path(), identity.to_json());
  save_checkpoint(model, directory, record);
}

std::vector<std::string> TinyRun::list(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace temper

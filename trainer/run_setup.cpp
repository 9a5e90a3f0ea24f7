#include "trainer/run_setup.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/tuned_model.h"
#include "common/error.h"
#include "eval/held_out_loss.h"
#include "text/tokenizer.h"
#include "trainer/device.h"

namespace temper {
namespace {

int64_t count_steps(const RunConfig& config, int64_t rows_per_epoch) {
  if (config.max_steps > 0) return config.max_steps;
  const double rows = config.num_epochs * static_cast<double>(rows_per_epoch);
  return std::max<int64_t>(
      1, std::llround(std::ceil(rows / static_cast<double>(config.global_batch_size))));
}

// The settings that change the mathematics of a run: they must be the same when it is resumed.
std::string training_identity(const RunConfig& c, int64_t max_steps) {
  std::string text;
  const auto add = [&](const char* key, const auto& value) {
    text += fmt::format("{}: {}\n", key, value);
  };
  add("adapter", c.is_lora() ? "lora" : "full");
  if (c.is_lora()) {
    add("lora_r", c.lora_r);
    add("lora_alpha", c.lora_alpha);
    add("lora_dropout", c.lora_dropout);
    add("use_rslora", c.use_rslora);
    add("lora_target_modules", fmt::format("{}", fmt::join(c.lora_target_modules, ",")));
  }
  add("micro_batch_size", c.micro_batch_size);
  add("global_batch_size", c.global_batch_size);
  // A constant rate does not depend on where the run ends: such a run may be extended.
  if (c.lr_scheduler != "constant") add("steps", max_steps);
  add("learning_rate", c.learning_rate);
  add("lr_scheduler", c.lr_scheduler);
  add("warmup_steps", c.warmup_steps);
  add("warmup_ratio", c.warmup_ratio);
  add("min_lr_ratio", c.min_lr_ratio);
  add("weight_decay", c.weight_decay);
  add("adam_beta1", c.adam_beta1);
  add("adam_beta2", c.adam_beta2);
  add("adam_epsilon", c.adam_epsilon);
  add("max_grad_norm", c.max_grad_norm);
  add("shuffle", c.shuffle);
  add("seed", c.seed);
  return text;
}

void check_mesh(const RunConfig& config, int num_ranks) {
  const int64_t replicas = config.dp_replicate_size;
  if (num_ranks % replicas != 0) {
    throw UserError("dp_replicate_size: {} copies do not divide {} ranks", replicas, num_ranks);
  }
  if (config.dp_shard_size != 0 && config.dp_shard_size * replicas != num_ranks) {
    throw UserError("dp_shard_size {} x dp_replicate_size {} is not the number of ranks, {}",
                    config.dp_shard_size, replicas, num_ranks);
  }
}

void check_world(const RunConfig& config, int num_ranks) {
  check_mesh(config, num_ranks);
  const int64_t micro_batches = config.micro_batches_per_step();
  if (num_ranks > micro_batches) {
    throw UserError(
        "{} ranks but only {} micro-batches in a step (global_batch_size {} / micro_batch_size "
        "{}): "
        "some ranks would never work; start at most {} ranks or raise global_batch_size",
        num_ranks, micro_batches, config.global_batch_size, config.micro_batch_size, micro_batches);
  }
  if (config.bf16) {
    throw UserError("bf16: true needs a CUDA device; the CPU computes in fp32 (bf16: false)");
  }
}

}  // namespace

std::vector<HeldOutSet> open_held_out(const std::vector<DatasetEntry>& entries,
                                      const std::string& prefix, const Hash128& tokenizer_hash,
                                      const SharedDatasets& shared) {
  std::vector<HeldOutSet> sets;
  for (const DatasetEntry& entry : entries) {
    std::vector<PackedDataset> opened = open_datasets({entry}, tokenizer_hash, 0, shared);
    sets.push_back({prefix + "/" + entry.path.stem().string(), std::move(opened.front())});
  }
  return sets;
}

RunSetup prepare_run(RunConfig config, int num_ranks, const SharedDatasets& shared) {
  check_device(config.device);
  check_world(config, num_ranks);
  RunSetup setup;
  setup.model = ModelConfig::from_directory(config.base_model);
  if (config.is_lora()) setup.lora = lora_of_run(config, setup.model);

  const Tokenizer tokenizer = Tokenizer::from_file(config.base_model);
  if (tokenizer.vocab_size() > setup.model.vocab_size) {
    throw UserError("{}: the tokenizer has {} tokens, the model's embedding only {} rows",
                    config.base_model.string(), tokenizer.vocab_size(), setup.model.vocab_size);
  }
  setup.tokenizer_hash = tokenizer.hash();
  setup.data = std::make_unique<TrainingData>(
      open_datasets(config.datasets, setup.tokenizer_hash, config.sequence_len, shared), config,
      num_ranks);
  if (setup.data->sequence_len() > setup.model.max_position_embeddings) {
    throw UserError("datasets: rows of {} tokens, but the model has max_position_embeddings {}",
                    setup.data->sequence_len(), setup.model.max_position_embeddings);
  }
  setup.held_out = open_held_out(config.test_datasets, "test", setup.tokenizer_hash, shared);
  setup.num_test_sets = static_cast<int64_t>(setup.held_out.size());
  for (HeldOutSet& set :
       open_held_out(config.general_datasets, "general", setup.tokenizer_hash, shared)) {
    setup.held_out.push_back(std::move(set));
  }
  for (const HeldOutSet& set : setup.held_out) {
    check_row_length(set.dataset, setup.model.max_position_embeddings);
  }
  setup.base = std::make_unique<HfWeights>(config.base_model, setup.model);
  setup.initial_lora = std::make_unique<InitialLoraWeights>(config.seed);
  setup.max_steps = count_steps(config, setup.data->rows_per_epoch());

  setup.identity.dataset_hash = setup.data->hash();
  setup.identity.adapter = config.adapter;
  setup.identity.training_yaml = training_identity(config, setup.max_steps);
  setup.config = std::move(config);
  return setup;
}

}  // namespace temper

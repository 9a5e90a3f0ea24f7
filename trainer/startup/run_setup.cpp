#include "trainer/startup/run_setup.h"

#include <span>

#include "arch/run_adapter.h"
#include "common/error.h"
#include "config/step_count.h"
#include "eval/held_out_names.h"
#include "text/tokenizer/tokenizer.h"
#include "trainer/startup/training_identity.h"

namespace temper {
namespace {

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
}

void check_row_length(const std::string& name, int64_t length, const ModelConfig& model) {
  if (length > model.max_position_embeddings) {
    throw UserError("{}: rows of {} tokens, but the model has max_position_embeddings {}", name,
                    length, model.max_position_embeddings);
  }
}

Hash128 hash_contents(std::span<const HeldOutSet> sets) {
  StreamHasher hasher;
  for (const HeldOutSet& set : sets) {
    const Hash128 hash = set.dataset.info().content_hash;
    hasher.update(&hash, sizeof(hash));
  }
  return hasher.digest();
}

}  // namespace

std::vector<HeldOutSet> open_held_out(const std::vector<DatasetEntry>& entries,
                                      const std::string& prefix, const Hash128& tokenizer_hash,
                                      const RunData& data) {
  const std::vector<std::string> names = held_out_names(entries, prefix);
  std::vector<HeldOutSet> sets;
  for (size_t i = 0; i < entries.size(); ++i) {
    std::vector<PackedDataset> opened = open_datasets({entries[i]}, tokenizer_hash, 0, data);
    sets.push_back({names[i], std::move(opened.front())});
  }
  return sets;
}

RunSetup prepare_run(RunConfig config, int num_ranks, const RunData& data) {
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
      open_datasets(config.datasets, setup.tokenizer_hash, config.sequence_len, data), config,
      num_ranks);
  setup.chat_template = data.chat_template;
  check_row_length("datasets", setup.data->sequence_len(), setup.model);
  setup.held_out = open_held_out(config.test_datasets, "test", setup.tokenizer_hash, data);
  setup.num_test_sets = static_cast<int64_t>(setup.held_out.size());
  for (HeldOutSet& set :
       open_held_out(config.general_datasets, "general", setup.tokenizer_hash, data)) {
    setup.held_out.push_back(std::move(set));
  }
  for (const HeldOutSet& set : setup.held_out) {
    check_row_length(set.name, set.dataset.info().sequence_len, setup.model);
  }
  const std::span<const HeldOutSet> sets(setup.held_out);
  const auto num_test_sets = static_cast<size_t>(setup.num_test_sets);
  setup.test_data_hash = hash_contents(sets.first(num_test_sets));
  setup.general_data_hash = hash_contents(sets.subspan(num_test_sets));
  setup.base = std::make_unique<HfWeights>(config.base_model, setup.model);
  setup.initial_lora = std::make_unique<InitialLoraWeights>(config.seed);
  if (setup.lora && !config.lora_model_dir.empty()) {
    setup.earlier_adapter =
        std::make_unique<PeftWeights>(config.lora_model_dir, setup.model, *setup.lora);
    record_adapter(*setup.lora, config);
  }
  setup.max_steps = count_steps(config, setup.data->rows_per_epoch());

  setup.identity.dataset_hash = setup.data->hash();
  setup.identity.adapter = config.adapter;
  setup.identity.training_yaml = training_identity(config, setup.data->rows_per_epoch());
  setup.config = std::move(config);
  return setup;
}

}  // namespace temper

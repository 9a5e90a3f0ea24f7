#include "trainer/startup/run_setup.h"

#include <chrono>
#include <span>

#include "arch/adapter_origin.h"
#include "arch/run_adapter.h"
#include "comm/agreement.h"
#include "common/elapsed.h"
#include "common/error.h"
#include "common/log.h"
#include "config/step_count.h"
#include "data/dataset/dataset_overlap.h"
#include "eval/held_out_loss.h"
#include "text/tokenizer/tokenizer.h"
#include "trainer/startup/run_memory.h"
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

Hash128 hash_contents(std::span<const HeldOutSet> sets) {
  StreamHasher hasher;
  for (const HeldOutSet& set : sets) {
    const Hash128 hash = set.dataset.info().content_hash;
    hasher.update(&hash, sizeof(hash));
  }
  return hasher.digest();
}

// The held-out sets of a configuration under their names.
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

// Reads all that a rank finds by itself, without communication. UserError for whatever does not fit
// together, `num_ranks` included: more ranks than micro-batches in a step would leave some without
// work for ever.
RunSetup read_setup(RunConfig config, int num_ranks, const RunData& data) {
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
  check_row_length("datasets", setup.data->sequence_len(), setup.model.max_position_embeddings);
  setup.held_out = open_held_out(config.test_datasets, "test", setup.tokenizer_hash, data);
  setup.num_test_sets = static_cast<int64_t>(setup.held_out.size());
  for (HeldOutSet& set :
       open_held_out(config.general_datasets, "general", setup.tokenizer_hash, data)) {
    setup.held_out.push_back(std::move(set));
  }
  for (const HeldOutSet& set : setup.held_out) {
    check_row_length(set.name, set.dataset.info().sequence_len,
                     setup.model.max_position_embeddings);
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

// More tokens take longer to read than a warning is worth; `temper pack --overlap` looks there,
// too.
constexpr int64_t kMaxTokensCompared = int64_t{200} << 20;

void warn_of_overlap(const RunSetup& setup) {
  int64_t num_tokens = 0;
  for (const PackedDataset& dataset : setup.data->datasets())
    num_tokens += dataset.info().num_tokens;
  if (setup.held_out.empty() || num_tokens > kMaxTokensCompared) return;
  std::vector<const PackedDataset*> sets;
  for (const HeldOutSet& set : setup.held_out) sets.push_back(&set.dataset);
  const std::vector<DatasetOverlap> overlaps = find_overlaps(setup.data->datasets(), sets);
  for (size_t i = 0; i < overlaps.size(); ++i) {
    if (overlaps[i].num_shared == 0) continue;
    log::warning(
        "{}: {} of its {} documents are also trained on: its loss tells what was memorised; pack "
        "the training data again with --held-out, --general and --overlap drop",
        setup.held_out[i].name, overlaps[i].num_shared, overlaps[i].num_documents);
  }
}

// The losses of held-out sets are told in bits per byte, too.
void count_bytes(RunSetup& setup) {
  if (setup.held_out.empty()) return;
  const Tokenizer tokenizer = Tokenizer::from_file(setup.config.base_model);
  for (HeldOutSet& set : setup.held_out) {
    set.num_bytes = count_supervised_bytes(set.dataset, tokenizer);
  }
}

}  // namespace

RunSetup prepare_run(const RunConfig& config, int64_t gpu_bytes, ProcessGroup& group) {
  RunSetup setup;
  std::string shared;  // HDF5 opens the datasets once, for all ranks
  run_agreed(group, [&] {
    if (group.rank() == 0) shared = find_run_data(config).to_text();
  });
  shared = group.all_gather_text(shared).front();
  const int ranks_per_node = count_ranks_per_node(group);
  Hash128 part;  // each rank reads its share of the base
  run_agreed(group, [&] {
    setup = read_setup(config, group.size(), RunData::from_text(shared));
    setup.available = available_memory();
    setup.memory = plan_run_memory(setup, group.size(), ranks_per_node, setup.available, gpu_bytes);
    const auto start = std::chrono::steady_clock::now();
    part = setup.base->partial_hash(group.rank(), group.size());
    setup.hash_seconds = seconds_since(start);
  });
  run_agreed(group, [&] {
    if (group.rank() != 0) return;
    warn_of_overlap(setup);
    count_bytes(setup);
  });
  for (const std::string& hex : group.all_gather_text(part.hex())) {
    setup.identity.base_hash += Hash128::from_hex(hex);
  }
  run_agreed(group, [&] {
    if (group.rank() != 0 || setup.earlier_adapter == nullptr) return;
    check_base_of_adapter(config.lora_model_dir, config.base_model,
                          [&] { return setup.identity.base_hash; });
    setup.identity.initial_adapter_hash = setup.earlier_adapter->hash();
  });
  return setup;
}

}  // namespace temper

#include "trainer/startup/agreed_setup.h"

#include <chrono>
#include <string>
#include <vector>

#include "arch/adapter_origin.h"
#include "comm/agreement.h"
#include "common/elapsed.h"
#include "common/log.h"
#include "data/dataset/dataset_overlap.h"
#include "eval/held_out_loss.h"
#include "text/tokenizer/tokenizer.h"
#include "trainer/startup/run_memory.h"

namespace temper {
namespace {

// More takes longer to read than a warning is worth; `temper pack --overlap` looks there, too.
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

// Their losses are told in bits per byte, too.
void count_bytes(RunSetup& setup) {
  if (setup.held_out.empty()) return;
  const Tokenizer tokenizer = Tokenizer::from_file(setup.config.base_model);
  for (HeldOutSet& set : setup.held_out) {
    set.num_bytes = count_supervised_bytes(set.dataset, tokenizer);
  }
}

}  // namespace

RunSetup prepare_run_together(const RunConfig& config, int64_t gpu_bytes, ProcessGroup& group) {
  RunSetup setup;
  std::string shared;  // HDF5 opens the datasets once, for all ranks
  run_agreed(group, [&] {
    if (group.rank() == 0) shared = find_run_data(config).to_text();
  });
  shared = group.all_gather_text(shared).front();
  const int ranks_per_node = count_ranks_per_node(group);
  Hash128 part;  // each rank reads its share of the base
  run_agreed(group, [&] {
    setup = prepare_run(config, group.size(), RunData::from_text(shared));
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

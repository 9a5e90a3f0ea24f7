#include <algorithm>
#include <vector>

#include "common/error.h"
#include "config/migrate/migrate_parts.h"

namespace temper {
namespace {

// Of these the product is the number of processes that work on the same rows.
const std::vector<std::string> kModelParallel = {"context_parallel_size",
                                                 "sequence_parallel_degree",
                                                 "sequence_parallel_size", "tensor_parallel_size"};

int64_t take_count(ForeignFile& file, const std::vector<std::string>& keys, int64_t fallback) {
  for (const std::string& key : keys) {
    if (const YamlNode* node = file.take(key)) return whole_number(*node, key, 1);
  }
  return fallback;
}

int64_t take_accumulation(ForeignFile& file, int64_t micro) {
  const YamlNode* node = file.take("gradient_accumulation_steps");
  const YamlNode* old = file.take("batch_size");
  if (node != nullptr) return whole_number(*node, "gradient_accumulation_steps", 1);
  // axolotl's former name of the product.
  if (old != nullptr) return std::max<int64_t>(1, whole_number(*old, "batch_size", 1) / micro);
  return 1;
}

void divide_processes(ForeignFile& file, MigratedBatch& batch) {
  int64_t together = 1;
  for (const std::string& key : kModelParallel) {
    const YamlNode* node = file.take(key);
    if (node == nullptr) continue;
    together *= whole_number(*node, key, 1);
    if (batch.processes % together != 0) {
      throw UserError("{}: {} is {}, which does not divide the {} processes of --nproc",
                      node->place, key, node->text, batch.processes);
    }
  }
  batch.data_parallel = batch.processes / together;
}

}  // namespace

void migrate_batch(ForeignFile& file, Migration& migration, int64_t num_processes) {
  const bool is_axolotl = file.trainer() == Trainer::kAxolotl;
  MigratedBatch& batch = migration.batch;
  batch.micro =
      take_count(file, {"micro_batch_size", "per_device_train_batch_size"}, is_axolotl ? 1 : 8);
  batch.accumulation = take_accumulation(file, batch.micro);
  batch.processes = num_processes;
  divide_processes(file, batch);
  for (const char* key : {"sample_packing", "packing", "neat_packing"}) {
    if (file.take_switch(key)) batch.packed_there = true;
  }
  migration.set("micro_batch_size", fmt::format("{}", batch.micro),
                "rows of a rank at once: it decides the memory");
  migration.set("global_batch_size", fmt::format("{}", batch.rows()));
}

}  // namespace temper

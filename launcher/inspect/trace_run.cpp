#include "launcher/inspect/trace_run.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/error.h"
#include "config/dataset_weights.h"
#include "data/order/row_mixture.h"
#include "run/run_directory.h"
#include "run/status.h"

namespace temper {
namespace {

constexpr size_t kMaxSteps = 1000;  // that are listed

std::string name_of(const RecordName& record) {
  return fmt::format("{}:{}", record.source, record.number);
}

OrderedJson dataset_json(const std::filesystem::path& path, const char* role,
                         const RecordTrace& trace) {
  return {{"path", path.native()},
          {"role", role},
          {"sources", trace.sources},
          {"rows", trace.rows},
          {"dropped", trace.drop_reasons}};
}

// The steps whose batch held a row, one entry for each time it did.
std::vector<int64_t> steps_with(const RowMixture& mixture,
                                const std::vector<std::unordered_set<int64_t>>& rows,
                                const std::vector<RowRange>& left_out, int64_t num_steps,
                                int64_t rows_per_step) {
  std::vector<int64_t> steps;
  const bool any =
      std::any_of(rows.begin(), rows.end(), [](const auto& set) { return !set.empty(); });
  int64_t cursor = 0;
  for (int64_t seen = 0; any && seen < num_steps * rows_per_step; ++seen, ++cursor) {
    for (const RowRange& range : left_out) {
      if (cursor >= range.begin && cursor < range.end) cursor = range.end;
    }
    const RowMixture::Pick pick = mixture.at(cursor);
    if (rows[static_cast<size_t>(pick.source)].count(pick.row) != 0) {
      steps.push_back(seen / rows_per_step + 1);
    }
  }
  return steps;
}

void refuse_unknown_file(const OrderedJson& datasets, const RecordName& record) {
  for (const OrderedJson& dataset : datasets) {
    if (!dataset["sources"].empty()) return;
  }
  throw UserError(
      "{}: no dataset there was packed from a file of that name; `temper inspect` "
      "lists a dataset's files",
      name_of(record));
}

}  // namespace

OrderedJson trace_in_dataset(const RecordName& record, const std::filesystem::path& path) {
  OrderedJson datasets = OrderedJson::array();
  datasets.push_back(dataset_json(path, "dataset", trace_record(PackedDataset(path), record)));
  refuse_unknown_file(datasets, record);
  return {{"record", name_of(record)}, {"datasets", datasets}};
}

OrderedJson trace_in_run(const RecordName& record, const std::filesystem::path& path) {
  const RunDirectory directory(path);
  const RunConfig config = directory.recorded_config();
  if (config.datasets.empty()) {
    throw UserError("{} names no datasets", directory.config_path().string());
  }
  OrderedJson datasets = OrderedJson::array();
  std::vector<int64_t> num_rows;
  std::vector<std::unordered_set<int64_t>> rows;
  for (const DatasetEntry& entry : config.datasets) {
    const PackedDataset dataset(entry.path);
    const RecordTrace trace = trace_record(dataset, record);
    datasets.push_back(dataset_json(entry.path, "train", trace));
    num_rows.push_back(dataset.info().num_rows);
    rows.emplace_back(trace.rows.begin(), trace.rows.end());
  }
  const auto add_held_out = [&](const std::vector<DatasetEntry>& entries, const char* role) {
    for (const DatasetEntry& entry : entries) {
      datasets.push_back(
          dataset_json(entry.path, role, trace_record(PackedDataset(entry.path), record)));
    }
  };
  add_held_out(config.test_datasets, "test");
  add_held_out(config.general_datasets, "general");
  refuse_unknown_file(datasets, record);

  std::vector<RowMixture::Source> sources;
  const std::vector<double> weights = dataset_weights(config.datasets, num_rows);
  for (size_t i = 0; i < weights.size(); ++i) sources.push_back({num_rows[i], weights[i]});
  const std::vector<CheckpointStatus> checkpoints = directory.checkpoints();
  int64_t num_steps = 0;
  if (const auto status = read_run_status(directory.status_path())) num_steps = status->step;
  std::vector<RowRange> left_out;  // as the newest knows
  for (const CheckpointStatus& checkpoint : checkpoints) {
    if (!checkpoint.complete) continue;
    if (left_out.empty()) left_out = checkpoint.record->rows_left_out;
    num_steps = std::max(num_steps, checkpoint.step);
  }
  std::vector<int64_t> steps = steps_with(RowMixture(sources, config.seed, config.shuffle), rows,
                                          left_out, num_steps, config.global_batch_size);
  OrderedJson seen_by = OrderedJson::array();
  for (const CheckpointStatus& checkpoint : checkpoints) {
    if (!checkpoint.complete) continue;
    const auto after = std::upper_bound(steps.begin(), steps.end(), checkpoint.step);
    seen_by.push_back({{"step", checkpoint.step},
                       {"path", checkpoint.path.native()},
                       {"seen", after - steps.begin()}});
  }
  OrderedJson json = {{"record", name_of(record)},
                      {"datasets", datasets},
                      {"steps_done", num_steps},
                      {"seen", steps.size()}};
  if (steps.size() > kMaxSteps) steps.resize(kMaxSteps);
  json["steps"] = steps;
  json["checkpoints"] = seen_by;
  return json;
}

}  // namespace temper

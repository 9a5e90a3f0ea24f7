#include "launcher/report/data_figures.h"

#include "common/error.h"
#include "data/dataset/dataset_overlap.h"
#include "data/dataset/packed_dataset.h"

namespace temper {
namespace {

const OrderedJson& member(const OrderedJson& json, const char* key) {
  static const OrderedJson kNone = OrderedJson::object();
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? *found : kNone;
}

OrderedJson hygiene_counts(const OrderedJson& hygiene) {
  OrderedJson counts = OrderedJson::object();
  for (const auto& [finding, value] : hygiene.items()) {
    if (value.is_object() && value.contains("records")) counts[finding] = value["records"];
  }
  return counts;
}

OrderedJson describe(const DatasetEntry& entry, const char* role) {
  OrderedJson described = {{"role", role}, {"path", entry.path.string()}, {"weight", entry.weight}};
  if (entry.share > 0.0) described["share"] = entry.share;
  try {
    const PackedDataset dataset(entry.path);
    const DatasetInfo& info = dataset.info();
    described["rows"] = info.num_rows;
    described["sequence_len"] = info.sequence_len;
    described["documents"] = info.num_documents;
    described["tokens"] = info.num_tokens;
    described["targets"] = info.num_supervised_targets;
    described["content_hash"] = info.content_hash.hex();
    const OrderedJson statistics =
        parse_ordered_json(dataset.texts().statistics, entry.path.string() + ": statistics");
    const OrderedJson& records = member(statistics, "records");
    described["records_in"] = records.value("in", OrderedJson());
    described["records_packed"] = records.value("packed", OrderedJson());
    described["dropped"] = member(records, "dropped");
    described["hygiene"] = hygiene_counts(member(statistics, "hygiene"));
  } catch (const Error& error) {
    described["problem"] = error.what();
  }
  return described;
}

}  // namespace

std::vector<std::string> overlap_warnings(const RunConfig& config) {
  constexpr int64_t kMaxTokens = int64_t{100} << 20;
  std::vector<std::string> warnings;
  std::vector<PackedDataset> training, sets;
  std::vector<std::string> names;
  int64_t num_tokens = 0;
  try {
    for (const DatasetEntry& entry : config.datasets) {
      training.emplace_back(entry.path);
      num_tokens += training.back().info().num_tokens;
    }
    for (const auto* entries : {&config.test_datasets, &config.general_datasets}) {
      for (const DatasetEntry& entry : *entries) {
        sets.emplace_back(entry.path);
        names.push_back(entry.path.filename().string());
      }
    }
    if (sets.empty() || num_tokens > kMaxTokens) return warnings;
    std::vector<const PackedDataset*> held_out;
    for (const PackedDataset& set : sets) held_out.push_back(&set);
    const std::vector<DatasetOverlap> overlaps = find_overlaps(training, held_out);
    for (size_t i = 0; i < overlaps.size(); ++i) {
      if (overlaps[i].num_shared == 0) continue;
      warnings.push_back(fmt::format(
          "{}: {} of its {} documents are also trained on, so its figures tell what was memorised",
          names[i], overlaps[i].num_shared, overlaps[i].num_documents));
    }
  } catch (const Error&) {
    // The account of the data says which one cannot be read.
  }
  return warnings;
}

OrderedJson data_figures(const RunConfig& config) {
  OrderedJson datasets = OrderedJson::array();
  for (const DatasetEntry& entry : config.datasets) datasets.push_back(describe(entry, "train"));
  for (const DatasetEntry& entry : config.test_datasets)
    datasets.push_back(describe(entry, "test"));
  for (const DatasetEntry& entry : config.general_datasets) {
    datasets.push_back(describe(entry, "general"));
  }
  return datasets;
}

}  // namespace temper

#include "data/dataset/dataset_overlap.h"

#include <functional>
#include <unordered_set>

#include "common/hash.h"

namespace temper {
namespace {

// Hashes of the documents' tokens, padding not among them.
void for_each_document(const PackedDataset& dataset,
                       const std::function<void(uint64_t token_hash)>& take) {
  for (int64_t index = 0; index < dataset.info().num_rows; ++index) {
    const PackedRow row = dataset.row(index);
    const size_t num_documents = dataset.origins(index).size();
    for (size_t d = 0; d < num_documents; ++d) {
      const auto begin = static_cast<size_t>(row.document_begin[d]);
      const auto end = static_cast<size_t>(row.document_begin[d + 1]);
      take(hash_bytes(row.tokens.data() + begin, (end - begin) * sizeof(int32_t)).low);
    }
  }
}

}  // namespace

std::vector<DatasetOverlap> find_overlaps(const std::vector<PackedDataset>& training,
                                          const std::vector<const PackedDataset*>& held_out) {
  std::unordered_set<uint64_t> wanted;  // the smaller side: training data may be large
  for (const PackedDataset* set : held_out) {
    for_each_document(*set, [&](uint64_t hash) { wanted.insert(hash); });
  }
  std::unordered_set<uint64_t> shared;
  for (const PackedDataset& dataset : training) {
    for_each_document(dataset, [&](uint64_t hash) {
      if (wanted.count(hash) != 0) shared.insert(hash);
    });
  }
  std::vector<DatasetOverlap> overlaps;
  for (const PackedDataset* set : held_out) {
    DatasetOverlap overlap;
    for_each_document(*set, [&](uint64_t hash) {
      ++overlap.num_documents;
      overlap.num_shared += static_cast<int64_t>(shared.count(hash));
    });
    overlaps.push_back(overlap);
  }
  return overlaps;
}

}  // namespace temper

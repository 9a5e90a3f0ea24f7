#include "data/hygiene/near_duplicates.h"

#include <array>
#include <vector>

#include "common/error.h"

namespace temper {
namespace {

// Of the records that share a band, a new one is compared with the first, which is likely to be
// kept, and with this many of the latest.
constexpr size_t kMaxLatest = 4;

class SameBand {
 public:
  // Calls `pair` with each record that this one is to be compared with.
  template <typename Pair>
  void add(uint64_t key, uint32_t record, Pair pair) {
    if (!any_ || key != key_) {
      key_ = key;
      any_ = true;
      first_ = record;
      latest_.clear();
      return;
    }
    pair(record, first_);
    for (const uint32_t other : latest_) pair(record, other);
    if (latest_.size() == kMaxLatest) latest_.erase(latest_.begin());
    latest_.push_back(record);
  }

 private:
  bool any_ = false;
  uint64_t key_ = 0;
  uint32_t first_ = 0;
  std::vector<uint32_t> latest_;
};

}  // namespace

NearDuplicates::NearDuplicates(double threshold, const std::filesystem::path& path)
    : threshold_(threshold),
      path_(path),
      bands_(MinHashBands::for_threshold(threshold)),
      hashes_(path, "signatures"),
      sorter_(path, "bands") {}

void NearDuplicates::add(const MinHash& hash) {
  const auto record = static_cast<uint32_t>(hashes_.size());
  TEMPER_CHECK(hashes_.size() < 0xffffffff);
  hashes_.append(hash);
  if (hash.empty) return;
  for (size_t band = 0; band < bands_.num_bands; ++band) {
    sorter_.add({bands_.key(hash, band), record, 0});
  }
}

void NearDuplicates::for_each_pair(
    const std::function<void(uint32_t later, uint32_t earlier)>& take) {
  // Two records may share many bands: sorted, each pair is looked at once.
  ExternalSorter<uint64_t> pairs(path_, "pairs");
  SameBand same;
  sorter_.merge([&](const Band& band) {
    same.add(band.key, band.record,
             [&](uint32_t later, uint32_t earlier) { pairs.add(uint64_t{later} << 32 | earlier); });
  });
  uint64_t last = 0;  // no pair: a record is not its own
  pairs.merge([&](uint64_t pair) {
    if (pair == last) return;
    last = pair;
    const auto later = static_cast<uint32_t>(pair >> 32), earlier = static_cast<uint32_t>(pair);
    if (hashes_.at(later).similarity(hashes_.at(earlier)) >= threshold_) take(later, earlier);
  });
}

}  // namespace temper

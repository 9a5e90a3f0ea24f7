// What becomes of every record of a corpus: packed, put into the validation set, or dropped for a
// reason. Made once by a look at the whole corpus, obeyed by every shard (docs/formats/dataset.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/hash.h"

namespace temper {

// The first of these that holds is the reason for which a record is dropped.
enum class DropReason : uint8_t {
  kNone,
  kDuplicate,
  kHeldOut,
  kGeneral,
  kNearDuplicate,
  kConflict,
  kCutOff,
  kMojibake,
  kPersonalData,
};
const char* drop_reason_name(DropReason reason);  // "exact duplicate", ...

class Decisions {
 public:
  struct Decision {
    DropReason drop = DropReason::kNone;
    bool validation = false;
    bool operator==(const Decision&) const = default;
  };

  Decisions() = default;
  explicit Decisions(size_t num_records) : codes_(num_records, 0) {}

  size_t size() const { return codes_.size(); }
  Decision at(int64_t ordinal) const;
  // The first reason that is set stays.
  void drop(int64_t ordinal, DropReason reason);
  void put_into_validation(int64_t ordinal);
  bool has_validation() const;

  // The corpus they were made for (CorpusReader::hash()), and their settings and report as JSON.
  Hash128 corpus_hash;
  std::string settings_json = "{}", report_json = "{}";

  // One JSON object a line; complete or absent, mode 0600.
  void write(const std::filesystem::path& path) const;
  // UserError: not such a file, a newer version, cut off or changed.
  static Decisions read(const std::filesystem::path& path);

 private:
  std::vector<uint8_t> codes_;  // bits 0-6 the reason, bit 7 validation
};

}  // namespace temper

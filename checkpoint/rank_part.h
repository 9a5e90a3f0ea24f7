// A rank's part of a save, which the ranks exchange when all have written, and what becomes of the
// save by their parts together.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_saver.h"
#include "run/checkpoint/commit_record.h"

namespace temper {

struct RankPart {
  int replica = 0;
  CommittedFile file;  // without a name where another replica writes
  std::array<int64_t, 4>
      limbs{};  // of the state hash of the rank's slices (run/checkpoint/state_hash.h)
  std::string error;
  bool is_fatal = false;
  double stall_seconds = 0;
  double write_seconds = 0;

  void fail(std::string message, bool fatal);
  std::string to_text() const;
  static RankPart from_text(const std::string& text);
};

// Completes the record with the state hash and the files from all ranks' parts, in rank order. Sets
// the outcome's error where a part has failed, or where replicas hold different weights.
void combine_parts(const std::vector<RankPart>& parts, CommitRecord& record, SaveOutcome& outcome);

}  // namespace temper

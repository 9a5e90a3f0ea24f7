// Records that could not be read and were passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace temper {

struct SkippedRecords {
  static constexpr size_t kMaxReasons = 100;
  int64_t num_records = 0;
  std::vector<std::string> reasons;  // of the first ones: place and reason

  void add(const std::string& reason) {
    ++num_records;
    if (reasons.size() < kMaxReasons) reasons.push_back(reason);
  }
};

}  // namespace temper

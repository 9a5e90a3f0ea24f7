// // Reads what metrics.jsonl says of a run (docs/formats/run_directory.md) and puts it in order.
// Where a step was computed twice the later line counts. Steps behind the one that a later attempt
// went on from belong to another history and are left out.
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

inline constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// Fields are NaN or 0 where the line has none.
struct MetricsStep {
  double time = 0.0;  // seconds since 1970
  double epoch = kNoNumber;
  double loss = kNoNumber;
  double grad_norm = kNoNumber;
  double learning_rate = kNoNumber;
  double seconds = kNoNumber;
  double data_wait_seconds = kNoNumber;
  double memory_bytes = kNoNumber;  // of rank 0
  int64_t tokens = 0;
};

// One held-out set at one step.
struct MetricsEvaluation {
  double loss_sum = kNoNumber;
  int64_t num_targets = 0;
  int64_t num_bytes = 0;  // of their text; 0: not told
  double time = 0.0;

  double loss() const { return loss_sum / static_cast<double>(num_targets); }
  double bits_per_byte() const {
    return num_bytes > 0 ? loss_sum / std::log(2.0) / static_cast<double>(num_bytes) : kNoNumber;
  }
};

// Losses over all test sets together, or over all general ones. What was measured over other data
// (another hash) does not compare.
struct MetricsLosses {
  std::map<std::string, std::map<int64_t, double>> by_data;  // hash of the sets, step
  std::string last_data;                                     // of the last line

  // The losses over those sets; none where they were never measured.
  const std::map<int64_t, double>& over(const std::string& data) const;
};

// Anything else: {"event", "time", "step", ...} as it was written.
struct MetricsEvent {
  std::string event;
  int64_t step = -1;
  double time = 0.0;
  Json fields;
};

struct MetricsLog {
  std::map<int64_t, MetricsStep> steps;
  std::map<std::string, std::map<int64_t, MetricsEvaluation>> evaluations;  // by set, by step
  MetricsLosses test_losses, general_losses;
  std::vector<MetricsEvent> events;  // in the order of the file, those of dropped histories, too
  std::vector<int64_t> unreadable_lines;  // numbers, from 1
  bool ends_in_mid_line = false;          // a killed run's last line, or one being written now
};

// A missing file is an empty log. Lines that are no JSON objects are counted and passed over.
MetricsLog read_metrics(const std::filesystem::path& path);

}  // namespace temper

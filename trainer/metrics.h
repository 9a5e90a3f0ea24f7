// Writes a run's metrics.jsonl (docs/formats/run_directory.md): one line for every event.
// Used by rank 0 only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

#include "checkpoint/checkpoint_saver.h"
#include "io/json.h"
#include "run/metrics_writer.h"

namespace temper {

struct StepReport {
  int64_t step = 0;
  int64_t max_steps = 0;
  double epoch = 0.0;
  // NaN: a step without targets, which updates nothing.
  double loss = std::numeric_limits<double>::quiet_NaN();
  double grad_norm = std::numeric_limits<double>::quiet_NaN();
  double learning_rate = 0.0;
  int64_t num_targets = 0;
  int64_t num_tokens = 0;  // positions computed, padding included
  int64_t rows_consumed = 0;
  double seconds = 0.0;            // wall time of the step
  double data_wait_seconds = 0.0;  // of it, waiting for rows: the longest of the ranks
  int64_t memory_bytes = 0;        // of rank 0, its share of shared pages included; 0: not measured
};

class Metrics {
 public:
  // Appends to `path`. What cannot be written there ends no run (run/metrics_writer.h).
  explicit Metrics(std::filesystem::path path) : writer_(std::move(path)) {}

  void step(const StepReport& report);
  // Writes a save that has ended, well or not.
  void saved(const SaveOutcome& outcome);
  // Writes a line of its own kind: {"event": event, ...fields}.
  void event(const std::string& event, Json fields);

 private:
  MetricsWriter writer_;
};

}  // namespace temper

// How a run tells what it does: a line of metrics.jsonl for every event, a live bar with the time
// left on a terminal, one line per logging_steps anywhere else, at most one in five seconds. Used
// by rank 0 only.
#pragma once

#include <chrono>
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

class Progress {
 public:
  // Appends to `metrics_path`. What cannot be written there ends no run (run/metrics_writer.h).
  Progress(std::filesystem::path metrics_path, int64_t logging_steps, int64_t first_step);
  ~Progress();

  void step(const StepReport& report);
  // A save that has ended, well or not.
  void saved(const SaveOutcome& outcome);
  // A line of its own kind: {"event": event, ...fields}.
  void event(const std::string& event, Json fields);
  // Over the steps since the last line, and until the end at that speed.
  double tokens_per_second() const { return tokens_per_second_; }
  double eta_seconds() const { return eta_seconds_; }
  // Ends the live bar, so that other lines can be printed.
  void end_bar();

 private:
  // For a log: the first and the last, and others seconds apart.
  bool is_time_for_line(const StepReport& report);

  MetricsWriter metrics_;
  int64_t logging_steps_;
  int64_t first_step_;
  bool live_;
  bool bar_shown_ = false;
  int64_t num_lines_ = 0;
  std::chrono::steady_clock::time_point last_line_;
  int64_t window_tokens_ = 0;
  double window_seconds_ = 0.0;
  double smoothed_step_seconds_ = 0.0;
  double tokens_per_second_ = 0.0;
  double eta_seconds_ = 0.0;
};

}  // namespace temper

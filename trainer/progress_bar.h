// Shows how far a run is: a live bar with the time left on a terminal, one line per logging_steps
// anywhere else, at most one in five seconds. Used by rank 0 only.
#pragma once

#include <chrono>
#include <cstdint>

#include "trainer/metrics.h"

namespace temper {

class ProgressBar {
 public:
  ProgressBar(int64_t logging_steps, int64_t first_step);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void step(const StepReport& report);
  // The speed over the steps since the last line, and the time until the end at that speed.
  double tokens_per_second() const { return tokens_per_second_; }
  double eta_seconds() const { return eta_seconds_; }
  // Ends the live bar, so that other lines can be printed.
  void end();

 private:
  void measure(const StepReport& report);
  void draw(const StepReport& report, const std::string& line);
  // A log gets the first and the last line, and others seconds apart.
  bool is_time_for_line(const StepReport& report);

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

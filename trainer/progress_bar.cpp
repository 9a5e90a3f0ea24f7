#include "trainer/progress_bar.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "common/cli/work_bar.h"
#include "common/elapsed.h"
#include "common/log.h"

namespace temper {
namespace {

// Fast steps would fill a log file: 720 lines an hour are 70 KB.
constexpr std::chrono::seconds kLineInterval(5);

}  // namespace

ProgressBar::ProgressBar(int64_t logging_steps, int64_t first_step)
    : logging_steps_(logging_steps), first_step_(first_step), live_(live_terminal() != nullptr) {}

ProgressBar::~ProgressBar() {
  end();
}

void ProgressBar::end() {
  if (bar_shown_) std::fputc('\n', stderr);
  bar_shown_ = false;
}

bool ProgressBar::is_time_for_line(const StepReport& report) {
  const auto now = std::chrono::steady_clock::now();
  const bool ends = report.step == report.max_steps || num_lines_ == 0;
  if (!ends && now - last_line_ < kLineInterval) return false;
  last_line_ = now;
  ++num_lines_;
  return true;
}

void ProgressBar::measure(const StepReport& report) {
  window_tokens_ += report.num_tokens;
  window_seconds_ += report.seconds;
  // The first step of a process pays for page faults; it would mislead the estimate for long.
  const bool early = report.step - first_step_ < 3;
  smoothed_step_seconds_ =
      early ? report.seconds : 0.9 * smoothed_step_seconds_ + 0.1 * report.seconds;
  tokens_per_second_ = static_cast<double>(window_tokens_) / std::max(window_seconds_, 1e-9);
  eta_seconds_ = smoothed_step_seconds_ * static_cast<double>(report.max_steps - report.step);
}

void ProgressBar::draw(const StepReport& report, const std::string& line) {
  constexpr int kBarWidth = 24;
  const int filled =
      static_cast<int>(kBarWidth * report.step / std::max<int64_t>(1, report.max_steps));
  std::fprintf(stderr, "\r[%.*s%.*s] %s\033[K", filled, "########################",
               kBarWidth - filled, "........................", line.c_str());
  std::fflush(stderr);
  bar_shown_ = true;
}

void ProgressBar::step(const StepReport& report) {
  measure(report);
  const bool due = report.step % logging_steps_ == 0 || report.step == report.max_steps;
  const std::string result = report.num_targets > 0 ? fmt::format("loss {:.4f}  grad {:.3f}",
                                                                  report.loss, report.grad_norm)
                                                    : "no targets, no update";
  const std::string line =
      fmt::format("step {}/{}  {}  lr {:.2e}  epoch {:.2f}  {:.0f} tok/s  {} left", report.step,
                  report.max_steps, result, report.learning_rate, report.epoch, tokens_per_second_,
                  format_duration(eta_seconds_));
  if (live_) {
    draw(report, line);
  } else if (due && is_time_for_line(report)) {
    log::info("{}", line);
  }
  if (due) {
    window_tokens_ = 0;
    window_seconds_ = 0.0;
  }
}

}  // namespace temper

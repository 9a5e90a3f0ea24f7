#include "trainer/progress.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "common/cli/work_bar.h"
#include "common/elapsed.h"
#include "common/log.h"

namespace temper {
namespace {

// Fast steps would fill a log file: 720 lines an hour are 70 KB.
constexpr std::chrono::seconds kLineInterval(5);

// Numbers that JSON cannot hold become null.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

Progress::Progress(std::filesystem::path metrics_path, int64_t logging_steps, int64_t first_step)
    : metrics_(std::move(metrics_path)),
      logging_steps_(logging_steps),
      first_step_(first_step),
      live_(live_terminal() != nullptr) {}

Progress::~Progress() {
  end_bar();
}

void Progress::end_bar() {
  if (bar_shown_) std::fputc('\n', stderr);
  bar_shown_ = false;
}

void Progress::event(const std::string& event, Json fields) {
  fields["event"] = event;
  fields["time"] = unix_seconds();
  metrics_.append(fields.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Progress::saved(const SaveOutcome& outcome) {
  if (!outcome.error.empty()) {
    end_bar();
    event("save_failed", {{"step", outcome.step}, {"error", outcome.error}});
    return;
  }
  event("save",
        {{"step", outcome.step},
         {"state_hash", outcome.record.state_hash.hex()},
         {"seconds", outcome.total_seconds},
         {"stall_seconds", outcome.stall_seconds},
         {"write_seconds", outcome.write_seconds},
         {"bytes", outcome.bytes},
         {"bytes_per_second", number(static_cast<double>(outcome.bytes) / outcome.write_seconds)}});
}

bool Progress::is_time_for_line(const StepReport& report) {
  const auto now = std::chrono::steady_clock::now();
  const bool ends = report.step == report.max_steps || num_lines_ == 0;
  if (!ends && now - last_line_ < kLineInterval) return false;
  last_line_ = now;
  ++num_lines_;
  return true;
}

void Progress::step(const StepReport& report) {
  Json fields = {{"step", report.step},
                 {"epoch", report.epoch},
                 {"loss", number(report.loss)},
                 {"grad_norm", number(report.grad_norm)},
                 {"learning_rate", report.learning_rate},
                 {"targets", report.num_targets},
                 {"tokens", report.num_tokens},
                 {"rows_consumed", report.rows_consumed},
                 {"seconds", report.seconds},
                 {"data_wait_seconds", report.data_wait_seconds}};
  if (report.memory_bytes > 0) fields["memory_bytes"] = report.memory_bytes;
  event("step", std::move(fields));
  window_tokens_ += report.num_tokens;
  window_seconds_ += report.seconds;
  // The first step of a process pays for page faults; it would mislead the estimate for long.
  const bool early = report.step - first_step_ < 3;
  smoothed_step_seconds_ =
      early ? report.seconds : 0.9 * smoothed_step_seconds_ + 0.1 * report.seconds;
  tokens_per_second_ = static_cast<double>(window_tokens_) / std::max(window_seconds_, 1e-9);
  eta_seconds_ = smoothed_step_seconds_ * static_cast<double>(report.max_steps - report.step);

  const bool due = report.step % logging_steps_ == 0 || report.step == report.max_steps;
  const std::string result = report.num_targets > 0 ? fmt::format("loss {:.4f}  grad {:.3f}",
                                                                  report.loss, report.grad_norm)
                                                    : "no targets, no update";
  const std::string line =
      fmt::format("step {}/{}  {}  lr {:.2e}  epoch {:.2f}  {:.0f} tok/s  {} left", report.step,
                  report.max_steps, result, report.learning_rate, report.epoch, tokens_per_second_,
                  format_duration(eta_seconds_));
  if (live_) {
    constexpr int kBarWidth = 24;
    const int filled =
        static_cast<int>(kBarWidth * report.step / std::max<int64_t>(1, report.max_steps));
    std::fprintf(stderr, "\r[%.*s%.*s] %s\033[K", filled, "########################",
                 kBarWidth - filled, "........................", line.c_str());
    std::fflush(stderr);
    bar_shown_ = true;
  } else if (due && is_time_for_line(report)) {
    log::info("{}", line);
  }
  if (due) {
    window_tokens_ = 0;
    window_seconds_ = 0.0;
  }
}

}  // namespace temper

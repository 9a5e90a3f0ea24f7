#include "common/cli/work_bar.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "common/elapsed.h"
#include "common/log.h"

namespace temper {
namespace {

constexpr std::chrono::milliseconds kLiveInterval(100);

}  // namespace

std::FILE* live_terminal() {
  return isatty(STDERR_FILENO) != 0 || std::getenv("TEMPER_LIVE_BAR") != nullptr ? stderr : nullptr;
}

WorkBar::WorkBar(std::string what, int64_t total, bool is_shown, std::FILE* terminal,
                 std::chrono::milliseconds log_interval)
    : what_(std::move(what)),
      total_(total),
      is_shown_(is_shown),
      terminal_(terminal),
      interval_(terminal != nullptr ? kLiveInterval : log_interval) {}

WorkBar::~WorkBar() {
  if (has_line_) std::fputs("\r\033[K", terminal_);
}

void WorkBar::advance(int64_t pieces) {
  done_ += pieces;
  const auto now = Clock::now();
  const bool is_first = !has_line_ && terminal_ != nullptr;
  if (!is_shown_ || done_ >= total_ || (!is_first && now - last_told_ < interval_)) return;
  last_told_ = now;
  const double left =
      seconds_since(began_) / static_cast<double>(done_) * static_cast<double>(total_ - done_);
  const std::string line =
      fmt::format("{}: {} of {}, {} left", what_, done_, total_, format_duration(left));
  if (terminal_ == nullptr) {
    log::info_text(line);
    return;
  }
  std::fprintf(terminal_, "\r%s\033[K", line.c_str());
  std::fflush(terminal_);
  has_line_ = true;
}

}  // namespace temper

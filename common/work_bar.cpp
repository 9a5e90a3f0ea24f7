#include "common/work_bar.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "common/elapsed.h"
#include "common/log.h"

namespace temper {
namespace {

constexpr std::chrono::milliseconds kLiveInterval(100);
constexpr std::chrono::seconds kLogInterval(30);

}  // namespace

std::FILE* live_terminal() {
  return isatty(STDERR_FILENO) != 0 || std::getenv("TEMPER_LIVE_BAR") != nullptr ? stderr : nullptr;
}

WorkBar::WorkBar(std::string what, int64_t total, bool is_shown, std::FILE* terminal)
    : what_(std::move(what)), total_(total), is_shown_(is_shown), terminal_(terminal) {}

WorkBar::~WorkBar() {
  if (has_line_) std::fputs("\r\033[K", terminal_);
}

void WorkBar::advance() {
  ++done_;
  const auto now = Clock::now();
  const bool is_first = done_ == 1 && terminal_ != nullptr;
  const Clock::duration interval =
      terminal_ != nullptr ? Clock::duration(kLiveInterval) : Clock::duration(kLogInterval);
  if (!is_shown_ || done_ >= total_ || (!is_first && now - last_told_ < interval)) return;
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

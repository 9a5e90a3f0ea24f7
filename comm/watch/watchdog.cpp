#include "comm/watch/watchdog.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <mutex>
#include <thread>

#include "common/error.h"
#include "common/host.h"
#include "common/process_state.h"
#include "common/stop_signal.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = StallJudge::Kind;

constexpr double kMaxInterval = 0.25;
constexpr double kLooksPerLimit = 20;
// Time for writing the line, and for whoever is told it, before the process leaves.
constexpr std::chrono::seconds kReportTime(3);

bool is_gone(pid_t pid) {
  return kill(pid, 0) != 0 && errno == ESRCH;
}

std::string describe_state(pid_t pid) {
  switch (process_state(pid)) {
    case 'T':
      return "it was stopped by a signal";
    case 'D':
      return "it waits for a disk or a network file system";
    case 'R':
      return "it computes";
    case 'Z':
    case '\0':
      return "it is gone";
    default:
      return "it sleeps";
  }
}

bool is_debugged(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string word; status >> word;) {
    if (word != "TracerPid:") continue;
    pid_t tracer = 0;
    return status >> tracer && tracer != 0;
  }
  return false;
}

// "step 12, in all_reduce"
std::string describe_position(const StallJudge::View& view, int64_t step) {
  const std::string where = view.operation == Operation::kNone
                                ? "outside of any collective"
                                : fmt::format("in {}", operation_name(view.operation));
  const std::string phase =
      view.phase == RankPhase::kStep ? "" : fmt::format(" ({})", phase_name(view.phase));
  return fmt::format("at step {}{}, {}", step, phase, where);
}

}  // namespace

struct Watchdog::Impl {
  Impl(std::unique_ptr<HeartbeatBoard> heartbeats, WatchdogOptions watchdog_options)
      : board(std::move(heartbeats)),
        options(std::move(watchdog_options)),
        judge(options.stall_seconds),
        interval(std::min(kMaxInterval, options.stall_seconds / kLooksPerLimit)) {}

  void run();
  std::vector<StallJudge::View> look_around() const;
  bool a_debugger_is_at_work() const;
  std::string describe(const StallJudge::Verdict& verdict, const StallJudge::View& view) const;
  [[noreturn]] void end_job(const std::string& line, int exit_code);

  std::unique_ptr<HeartbeatBoard> board;
  const WatchdogOptions options;
  StallJudge judge;
  const std::chrono::duration<double> interval;
  // Set when somebody ends the job: ranks that go one after the other are no news then.
  bool is_ended_from_outside = false;

  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread thread;
};

std::vector<StallJudge::View> Watchdog::Impl::look_around() const {
  std::vector<StallJudge::View> views;
  for (const HeartbeatBoard::Member& member : board->members()) {
    const Heartbeat& heartbeat = *member.heartbeat;
    StallJudge::View view;
    view.is_gone = is_gone(member.pid);
    // Read after is_gone, because a rank that leaves says so before it is gone.
    view.phase = heartbeat.phase.load(std::memory_order_acquire);
    if (view.is_gone && is_ended_from_outside) view.phase = RankPhase::kLeft;
    view.operation = heartbeat.operation.load(std::memory_order_relaxed);
    view.progress = heartbeat.progress.load(std::memory_order_relaxed);
    view.operations = heartbeat.operations.load(std::memory_order_relaxed);
    view.ticks = heartbeat.ticks.load(std::memory_order_relaxed);
    views.push_back(view);
  }
  return views;
}

bool Watchdog::Impl::a_debugger_is_at_work() const {
  return std::any_of(board->members().begin(), board->members().end(),
                     [](const HeartbeatBoard::Member& member) { return is_debugged(member.pid); });
}

std::string Watchdog::Impl::describe(const StallJudge::Verdict& verdict,
                                     const StallJudge::View& view) const {
  const HeartbeatBoard::Member& member = board->members()[verdict.member];
  const std::string rank =
      fmt::format("rank {} on {} (pid {})", member.rank, host_name(), member.pid);
  const std::string position = describe_position(view, member.heartbeat->step.load());
  const std::string after = fmt::format("{:.3g} s without progress", verdict.seconds);
  switch (verdict.kind) {
    case Kind::kDied:
      return fmt::format("{} died {}", rank, position);
    case Kind::kStopped:
    case Kind::kStuck:
      return fmt::format("{} is stuck {}: {}, {}", rank, position, after,
                         describe_state(member.pid));
    case Kind::kBehind:
      return fmt::format("{} is stuck {}, which the others of its node have passed: {}", rank,
                         position, after);
    case Kind::kWaits:
      break;
  }
  return fmt::format(
      "{} and all others of its node wait {}: {}; whom they wait for is on another node, or the "
      "network is at fault",
      rank, position, after);
}

void Watchdog::Impl::end_job(const std::string& line, int exit_code) {
  std::atomic<bool> is_said{false};
  if (board->claim_report()) {
    std::thread([&] {
      const std::string text = "temper: error: " + line + "\n";
      const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
      if (options.on_verdict && written != 0) options.on_verdict(line);
      is_said = true;
    }).detach();
  }
  // The others of the node wait in silence for mpirun to end them.
  for (const auto start = Clock::now(); !is_said && Clock::now() - start < kReportTime;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  _exit(exit_code);
}

void Watchdog::Impl::run() {
  std::unique_lock lock(mutex);
  for (auto last = Clock::now(); !wake.wait_for(lock, interval, [this] { return stopping; });) {
    const auto now = Clock::now();
    // When a look took longer, this process was not running, and perhaps nor were the others.
    const double seconds =
        std::min<double>(std::chrono::duration<double>(now - last).count(), 2 * interval.count());
    last = now;
    heartbeat::mine().ticks.fetch_add(1, std::memory_order_relaxed);
    const std::vector<StallJudge::View> views = look_around();
    const auto verdict = judge.look(views, seconds);
    is_ended_from_outside = stop_signal_received() == SIGTERM;
    if (!verdict) continue;
    if (verdict->kind != Kind::kDied && a_debugger_is_at_work()) {
      judge.forgive();
      continue;
    }
    const bool died = verdict->kind == Kind::kDied;
    const std::string reason =
        died ? "" : fmt::format(" (stall_timeout: {:g} s)", options.stall_seconds);
    end_job(fmt::format("{}; the job ends{}. The same command goes on from the last checkpoint",
                        describe(*verdict, views[verdict->member]), reason),
            died ? kExitFailed : kExitStalled);
  }
}

Watchdog::Watchdog(std::unique_ptr<HeartbeatBoard> board, WatchdogOptions options)
    : impl_(std::make_unique<Impl>(std::move(board), std::move(options))) {
  TEMPER_CHECK(impl_->options.stall_seconds > 0, "{} s", impl_->options.stall_seconds);
  heartbeat::set_phase(RankPhase::kLoad);
  impl_->thread = std::thread([this] { impl_->run(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

}  // namespace temper

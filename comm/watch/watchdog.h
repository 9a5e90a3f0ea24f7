// Ends a job of which a rank has died or makes no progress, instead of letting the others wait for
// ever. A thread in every rank looks at the heartbeats of its node's ranks
// (comm/watch/heartbeat.h); it makes no MPI call. The first that comes to a verdict says it in one
// line on standard error, naming rank, host, step, phase and operation, and its process leaves with
// kExitStalled, upon which mpirun or srun ends the job.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/watch/heartbeat.h"
#include "comm/watch/heartbeat_board.h"

namespace temper {

struct WatchdogOptions {
  // Longest time without progress before the job is ended: in a step, an evaluation or at the exit,
  // and three times that while a rank loads or waits for a checkpoint. 0: the watchdog does
  // nothing.
  double stall_seconds = 0;
  // Is told the line, in a thread of its own and for three seconds at most: what it does may be
  // what hangs.
  std::function<void(const std::string&)> on_verdict = {};
};

// Decides from what is seen of a node's ranks whether one of them has stalled. Time is counted in
// looks of this process, not by the clock: a job that was suspended as a whole has not lost any.
class StallJudge {
 public:
  struct View {
    bool is_gone = false;  // there is no such process
    RankPhase phase = RankPhase::kAbsent;
    Operation operation = Operation::kNone;
    uint64_t progress = 0;
    uint64_t operations = 0;
    uint64_t ticks = 0;
  };
  enum class Kind {
    kDied,
    kStopped,  // the process does not run
    kStuck,    // it runs, outside of any operation
    kBehind,   // it waits in an operation earlier than the others'
    kWaits,    // all ranks of the node wait in the same: the cause is elsewhere
  };
  struct Verdict {
    Kind kind = Kind::kDied;
    size_t member = 0;
    double seconds = 0;  // without progress
  };

  explicit StallJudge(double stall_seconds) : stall_seconds_(stall_seconds) {}

  // `seconds`: since the last look, or as much of it as this process ran.
  std::optional<Verdict> look(const std::vector<View>& views, double seconds);
  // Begins to count anew.
  void forgive();

  double limit(RankPhase phase) const;

 private:
  struct Record {
    uint64_t progress = 0;
    uint64_t ticks = 0;
    double without_progress = 0;
    double without_ticks = 0;
  };
  std::optional<Verdict> judge_waiting(const std::vector<View>& views) const;

  double stall_seconds_;
  std::vector<Record> records_;
};

class Watchdog {
 public:
  // Begins to watch, with this rank in phase load. Collective over the board's world.
  Watchdog(std::unique_ptr<HeartbeatBoard> board, WatchdogOptions options);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace temper

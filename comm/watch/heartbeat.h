// A heartbeat tells what this rank is doing, in memory that the other ranks of its node can see
// (comm/watch/heartbeat_board.h) and their watchdogs look at (comm/watch/watchdog.h). It costs a
// few relaxed stores: no clock, no lock, no MPI.
//
// There is one heartbeat a process. beat() and beat_in() may be called from any thread, everything
// else by the thread that trains.
#pragma once

#include <atomic>
#include <cstdint>

namespace temper {

enum class RankPhase : int32_t {
  kAbsent,  // not watched: not there yet, or out of reach
  kLoad,
  kStep,
  kEvaluate,
  kSave,  // waits for a checkpoint
  kExit,
  kLeft,  // has ended by itself
};

// The operations in which a rank may wait for others.
enum class Operation : int32_t {
  kNone,
  kBarrier,
  kBroadcast,
  kReduce,
  kGather,
  kReduceScatter,
  kSend,
  kReceive,
  kSetUp,  // of groups and shared memory
  kFinalize,
};

const char* phase_name(RankPhase phase);      // "load", "step", ...
const char* operation_name(Operation value);  // "all_reduce", "reduce_scatter", ...

struct alignas(64) Heartbeat {
  std::atomic<uint64_t> progress{0};    // grows whenever the rank has got on
  std::atomic<uint64_t> operations{0};  // collectives begun
  std::atomic<uint64_t> ticks{0};       // grows while the process runs at all
  std::atomic<int64_t> step{0};
  std::atomic<RankPhase> phase{RankPhase::kAbsent};
  std::atomic<Operation> operation{Operation::kNone};
};

namespace heartbeat {

// This process's heartbeat, in private memory until keep_in() names other memory.
Heartbeat& mine();
// Moves the heartbeat to `memory`, which must outlive the process's last beat.
void keep_in(Heartbeat& memory);

void beat();
// The beat of another thread, for whose work the training thread waits; it counts in `phase` only.
void beat_in(RankPhase phase);
void set_step(int64_t step);
void set_phase(RankPhase phase);

}  // namespace heartbeat

// A phase within another.
class PhaseScope {
 public:
  explicit PhaseScope(RankPhase phase);
  ~PhaseScope();
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  RankPhase before_;
};

// Inside an operation that waits for other ranks. An inner one goes under the outer one's name.
class OperationScope {
 public:
  explicit OperationScope(Operation operation);
  ~OperationScope();
  OperationScope(const OperationScope&) = delete;
  OperationScope& operator=(const OperationScope&) = delete;

 private:
  bool is_outermost_;
};

}  // namespace temper

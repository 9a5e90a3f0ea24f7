#include "comm/watch/heartbeat.h"

#include <array>
#include <cstddef>

namespace temper {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
static_assert(std::atomic<uint64_t>::is_always_lock_free &&
              std::atomic<RankPhase>::is_always_lock_free);

Heartbeat private_heartbeat;
std::atomic<Heartbeat*> current{&private_heartbeat};

constexpr std::array<const char*, 7> kPhases = {"absent",     "load", "step", "evaluation",
                                                "checkpoint", "exit", "left"};
static_assert(static_cast<size_t>(RankPhase::kLeft) + 1 == kPhases.size());

constexpr std::array<const char*, 10> kOperations = {
    "none",           "barrier", "broadcast", "all_reduce",   "all_gather",
    "reduce_scatter", "send",    "receive",   "group set-up", "MPI_Finalize"};
static_assert(static_cast<size_t>(Operation::kFinalize) + 1 == kOperations.size());

}  // namespace

const char* phase_name(RankPhase phase) {
  return kPhases[static_cast<size_t>(phase)];
}

const char* operation_name(Operation value) {
  return kOperations[static_cast<size_t>(value)];
}

namespace heartbeat {

Heartbeat& mine() {
  return *current.load(kRelaxed);
}

void keep_in(Heartbeat& memory) {
  const Heartbeat& before = mine();
  memory.progress.store(before.progress.load(kRelaxed), kRelaxed);
  memory.operations.store(before.operations.load(kRelaxed), kRelaxed);
  memory.step.store(before.step.load(kRelaxed), kRelaxed);
  memory.operation.store(before.operation.load(kRelaxed), kRelaxed);
  memory.phase.store(before.phase.load(kRelaxed), kRelaxed);
  current.store(&memory, kRelaxed);
}

void beat() {
  mine().progress.fetch_add(1, kRelaxed);
}

void beat_in(RankPhase phase) {
  if (mine().phase.load(kRelaxed) == phase) beat();
}

void set_step(int64_t step) {
  mine().step.store(step, kRelaxed);
  beat();
}

void set_phase(RankPhase phase) {
  mine().phase.store(phase, kRelaxed);
  beat();
}

}  // namespace heartbeat

PhaseScope::PhaseScope(RankPhase phase) : before_(heartbeat::mine().phase.load(kRelaxed)) {
  heartbeat::set_phase(phase);
}

PhaseScope::~PhaseScope() {
  heartbeat::set_phase(before_);
}

OperationScope::OperationScope(Operation operation) {
  Heartbeat& mine = heartbeat::mine();
  is_outermost_ = mine.operation.load(kRelaxed) == Operation::kNone;
  if (is_outermost_) {
    // Operations of two ranks alone do not tell who is behind.
    const bool collective = operation != Operation::kSend && operation != Operation::kReceive;
    if (collective) mine.operations.fetch_add(1, kRelaxed);
    mine.operation.store(operation, kRelaxed);
  }
  heartbeat::beat();
}

OperationScope::~OperationScope() {
  if (is_outermost_) heartbeat::mine().operation.store(Operation::kNone, kRelaxed);
  heartbeat::beat();
}

}  // namespace temper

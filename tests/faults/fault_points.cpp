// common/fault_points.h for tests: kills, stops, holds up and misleads as TEMPER_FAULT_POINTS says
// (fault_plan.h).
#include "common/fault_points.h"

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <vector>

#include "comm/watch/heartbeat.h"
#include "tests/faults/fault_plan.h"

namespace temper {
namespace {

using faults::FaultPoint;

// What is to happen here now, or null.
const FaultPoint* due_at(const char* name, int64_t index = -1) {
  static const std::vector<FaultPoint> points = faults::points_from_environment();
  const int64_t step = heartbeat::mine().step.load();
  for (const FaultPoint& point : points) {
    const bool now = point.step < 0 || point.step == step;
    if (point.place == name && now && point.index == index) return &point;
  }
  return nullptr;
}

}  // namespace

void fault_point(const char* name) {
  const FaultPoint* point = due_at(name);
  if (point == nullptr) return;
  if (point->action == "kill") ::kill(getpid(), SIGKILL);
  if (point->action == "stop") ::kill(getpid(), SIGSTOP);
  if (point->action == "hang") {
    for (;;) ::pause();
  }
}

double fault_value(const char* name, int64_t index, double value) {
  const FaultPoint* point = due_at(name, index);
  if (point == nullptr) return value;
  return point->action == "nan" ? std::numeric_limits<double>::quiet_NaN() : value * 1000;
}

void fault_values(const char* name, float* values, int64_t count) {
  const FaultPoint* point = due_at(name);
  if (point == nullptr || count == 0) return;
  uint32_t bits = 0;
  std::memcpy(&bits, values, sizeof(bits));
  bits ^= 1;
  std::memcpy(values, &bits, sizeof(bits));
}

}  // namespace temper

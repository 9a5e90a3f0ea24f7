// System calls that fail on purpose. A program that links faulty_system_calls.cpp has it in the
// stead of io/system_calls.cpp: every call there is counted, and the one that the plan names is
// failed, cut short, or the process's last.
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace temper::faults {

enum class Action {
  kNone,
  kFail,        // with error_number, nothing done
  kShorten,     // of a write: half of it is done; of any other call: nothing happens
  kKillBefore,  // SIGKILL to this process
  kKillAfter,
};

struct Plan {
  int64_t call = 0;  // the n-th since arm(), from 1; 0: none
  Action action = Action::kNone;
  int error_number = EIO;
  bool from_then_on = false;  // and every later call
  int64_t delay_ms = 0;       // before every call: a slow disk
  std::string match;          // count only calls whose path contains this
  std::function<void(const std::string& path)> before_each;
};

// Counting begins anew. Calls of any thread count.
void arm(Plan plan);
void disarm();
int64_t num_calls();
// Whether the plan's action was carried out.
bool has_struck();

// From the environment, for whole programs, at their start:
//   TEMPER_FAULTS="rank=1,call=17,action=fail|shorten|kill_before|kill_after,error=28,delay_ms=20,
//                  match=step-,forever=1"
// Without a rank it holds for all of them.
Plan plan_from_environment();

// A fault at one of the places of common/fault_points.h.
struct FaultPoint {
  std::string place;
  std::string action;  // kill, stop, hang; nan, spike; flip
  int64_t step = -1;   // -1: every
  int64_t index = -1;  // of a value
};
// From the environment, for this rank; several are separated by ";":
//   TEMPER_FAULT_POINTS="at=forward,step=3,rank=1,action=stop;at=loss,index=24,action=nan"
std::vector<FaultPoint> points_from_environment();

}  // namespace temper::faults

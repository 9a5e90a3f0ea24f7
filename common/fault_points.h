// Places at which a test makes a rank fail on purpose. In the product they do nothing; a program
// that links tests/faults/fault_points.cpp has its definitions in the stead of these.
#pragma once

#include <cstdint>

namespace temper {

// The thread that trains is at `place`: "load", "forward", "reduce", "save", "exit".
void fault_point(const char* place);
// A number that a test may replace: `place` "loss", `index` the row at which its micro-batch
// begins.
double fault_value(const char* place, int64_t index, double value);
// Numbers that a test may change in place: "state" of a replica, "gathered" and "frozen" weights.
void fault_values(const char* place, float* values, int64_t count);

}  // namespace temper

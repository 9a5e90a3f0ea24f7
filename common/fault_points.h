// Points at which a test makes a rank fail on purpose. In the product they do nothing; a program
// that links tests/faults/fault_points.cpp has its definitions instead of these.
#pragma once

#include <cstdint>

namespace temper {

// The thread that trains passes here: `point` is "load", "forward", "reduce", "save" or "exit".
void fault_point(const char* point);
// Returns `value`, or what a test puts there instead: `point` is "loss", and `index` the row at
// which its micro-batch begins.
double fault_value(const char* point, int64_t index, double value);
// Lets a test change numbers: "state" of a replica, "gathered" and "frozen" weights.
void fault_values(const char* point, float* values, int64_t count);

}  // namespace temper

// Seconds on the monotonic clock.
#pragma once

#include <chrono>
#include <string>

namespace temper {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// "1h02m", "3m20s", "12s".
std::string format_duration(double seconds);

}  // namespace temper

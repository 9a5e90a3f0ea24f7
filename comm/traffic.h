// Counts how much a rank received, for the report of a run.
#pragma once

#include <cstdint>

namespace temper {

// Bytes that this rank received over the group's lifetime, by operation.
struct TrafficCounters {
  int64_t all_gather_bytes = 0;
  int64_t reduce_bytes = 0;  // reduced, and received point to point
  int64_t other_bytes = 0;
  int64_t shared_read_bytes = 0;  // read in place from another rank's shared memory, not received

  TrafficCounters& operator+=(const TrafficCounters& other) {
    all_gather_bytes += other.all_gather_bytes;
    reduce_bytes += other.reduce_bytes;
    other_bytes += other.other_bytes;
    shared_read_bytes += other.shared_read_bytes;
    return *this;
  }
};

}  // namespace temper

#include "config/step_count.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace temper {

int64_t count_steps(const RunConfig& config, int64_t rows_per_epoch) {
  if (config.max_steps > 0) return config.max_steps;
  const double rows = config.num_epochs * static_cast<double>(rows_per_epoch);
  return std::max<int64_t>(
      1, std::llround(std::ceil(rows / static_cast<double>(config.global_batch_size))));
}

bool saves_before_end(const RunConfig& config, int64_t done, int64_t max_steps) {
  const int64_t end = max_steps == 0 ? std::numeric_limits<int64_t>::max() : max_steps;
  const int64_t interval = config.save_minutes > 0.0 ? 1 : config.save_steps;
  return interval > 0 && (done / interval + 1) * interval < end;
}

}  // namespace temper

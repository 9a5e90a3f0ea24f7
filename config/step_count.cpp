#include "config/step_count.h"

#include <fmt/format.h>

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

int64_t count_warmup_steps(const RunConfig& config, int64_t max_steps) {
  if (config.warmup_steps > 0) return config.warmup_steps;
  return std::llround(std::ceil(config.warmup_ratio * static_cast<double>(max_steps)));
}

std::string few_steps_warning(const RunConfig& config, int64_t rows_per_epoch, int64_t num_ranks) {
  const int64_t steps = count_steps(config, rows_per_epoch);
  if (steps >= kFewSteps) return "";
  const char* unit = steps == 1 ? "optimizer step" : "optimizer steps";
  if (config.max_steps > 0) {
    return fmt::format("max_steps ends the run after {} {}, too few to learn much in: set it to {}",
                       steps, unit, kFewSteps);
  }
  const auto rows = static_cast<double>(rows_per_epoch);
  std::string change;
  const int64_t micro_batches = std::llround(std::floor(
      config.num_epochs * rows / static_cast<double>(kFewSteps * config.micro_batch_size)));
  if (micro_batches >= std::max<int64_t>(1, num_ranks)) {
    change = fmt::format("global_batch_size to {} or ", micro_batches * config.micro_batch_size);
  }
  const bool one = config.num_epochs == 1.0;
  const auto epochs =
      std::ceil(static_cast<double>(kFewSteps * config.global_batch_size) / std::max(1.0, rows));
  return fmt::format(
      "{} epoch{} of {} rows {} {} {} of global_batch_size {}, too few to learn much in: for {} "
      "set {}num_epochs to {:.0f}",
      config.num_epochs, one ? "" : "s", rows_per_epoch, one ? "makes" : "make", steps, unit,
      config.global_batch_size, kFewSteps, change, epochs);
}

bool saves_before_end(const RunConfig& config, int64_t done, int64_t max_steps) {
  const int64_t end = max_steps == 0 ? std::numeric_limits<int64_t>::max() : max_steps;
  const int64_t interval = config.save_minutes > 0.0 ? 1 : config.save_steps;
  return interval > 0 && (done / interval + 1) * interval < end;
}

}  // namespace temper

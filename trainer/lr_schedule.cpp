#include "trainer/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/error.h"
#include "config/step_count.h"

namespace temper {

LrSchedule::LrSchedule(const RunConfig& config, int64_t max_steps)
    : kind_(config.lr_scheduler == "constant" ? Kind::kConstant
            : config.lr_scheduler == "linear" ? Kind::kLinear
                                              : Kind::kCosine),
      peak_(config.learning_rate),
      floor_(config.learning_rate * config.min_lr_ratio),
      warmup_steps_(count_warmup_steps(config, max_steps)),
      max_steps_(max_steps) {
  TEMPER_CHECK(kind_ != Kind::kCosine || config.lr_scheduler == "cosine", "{}",
               config.lr_scheduler);
}

double LrSchedule::at(int64_t step) const {
  // transformers counts from 0: step 1 of a warm-up of 10 uses 1/10 of the peak here, not 0.
  if (step <= warmup_steps_) {
    return peak_ * static_cast<double>(step) / static_cast<double>(warmup_steps_);
  }
  if (kind_ == Kind::kConstant) return peak_;
  const double span = static_cast<double>(std::max<int64_t>(1, max_steps_ - warmup_steps_));
  const double progress =
      std::clamp(static_cast<double>(step - 1 - warmup_steps_) / span, 0.0, 1.0);
  const double remaining =
      kind_ == Kind::kLinear ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return floor_ + (peak_ - floor_) * remaining;
}

}  // namespace temper

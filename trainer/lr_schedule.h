// Learning rate by step: linear warm-up, then constant, linear or cosine decay (Loshchilov and
// Hutter, https://arxiv.org/abs/1608.03983), as transformers' schedulers of the same names.
#pragma once

#include <cstdint>

#include "config/run_config.h"

namespace temper {

class LrSchedule {
 public:
  LrSchedule(const RunConfig& config, int64_t max_steps);

  // The rate that optimizer step `step` (from 1) uses.
  double at(int64_t step) const;

 private:
  enum class Kind { kConstant, kLinear, kCosine };
  Kind kind_;
  double peak_;
  double floor_;
  int64_t warmup_steps_;
  int64_t max_steps_;
};

}  // namespace temper

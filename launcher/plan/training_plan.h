// What a run will do, worked out without starting it.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"
#include "io/json.h"

namespace temper {

struct TrainingPlan {
  int64_t rows_per_epoch = 0;
  int64_t sequence_len = 0;
  double steps_per_epoch = 0.0;
  int64_t steps = 0;
  int64_t micro_batches_per_step = 0;
  int64_t rounds_per_step = 0;  // micro-batches that the busiest rank computes
  int64_t ranks = 1;
  double supervised_share = 0.0;  // of all positions; shards and weights counted
  double document_len = 0.0;      // mean, in tokens
  std::string warning;            // of too few steps (config/step_count.h); mostly empty
  std::string batch_note;         // what other trainers take for the batch; mostly empty

  OrderedJson to_json() const;
};

// UserError when a dataset can't be opened, the datasets don't agree on sequence_len, or there are
// more ranks than micro-batches in a step.
TrainingPlan make_training_plan(const RunConfig& config, int64_t ranks);

}  // namespace temper

// Measures how likely a model finds given continuations, for multiple choice and for canaries.
#pragma once

#include <cstdint>
#include <vector>

#include "model/resident_model.h"

namespace temper {

struct Continuation {
  std::vector<int64_t> prompt;  // not empty
  std::vector<int64_t> ids;     // what follows it; not empty
};

// Natural logarithm of the probability of each continuation's ids after its prompt. UserError when
// one is longer than the model has positions for.
std::vector<double> log_likelihoods(const ResidentModel& model,
                                    const std::vector<Continuation>& continuations);

}  // namespace temper

// The optimizer's step over a parameter group's shard.
#pragma once

#include "kernels/adamw.h"
#include "sharding/parameter_group.h"

namespace temper {

// AdamW on this rank's shard of a trainable group. Weight decay is applied to parameters of two or
// more dims only: not to norms and biases.
void adamw_step(ParameterGroup& group, const AdamWOptions& options);

}  // namespace temper

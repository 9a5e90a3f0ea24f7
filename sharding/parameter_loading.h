// Fills parameter groups from a model's files, each rank reading only what it holds.
#pragma once

#include <vector>

#include "sharding/parameter_group.h"
#include "stage/weight_source.h"

namespace temper {

// Throws UserError when `source` lacks one of the group's parameters.
void check_complete(const ParameterGroup& group, const WeightSource& source);

// Reads this rank's part of the group: its shard, its share of the node's copy, or everything.
void load_parameters(ParameterGroup& group, const WeightSource& source);

}  // namespace temper

// The hyperparameters of a step as the loops over elements use them. Inside kernels/ only.
#pragma once

#include "kernels/adamw.h"
#include "kernels/cpu/adamw_elements.h"

namespace temper {

AdamWFactors adamw_factors(const AdamWHyperparameters& hyperparameters);

}  // namespace temper

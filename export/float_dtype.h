// The floating-point types that weights are exported in, by the names that config.json has.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "io/json.h"
#include "io/safetensors/tensor_info.h"

namespace temper {

// "float32", "bfloat16" or "float16"; UserError otherwise.
DType float_dtype_named(const std::string& name);
std::string float_dtype_name(DType dtype);
at::ScalarType to_scalar_type(DType dtype);

// Reads what a config.json says its weights are ("dtype", or "torch_dtype" as transformers 4 has
// it); float32 when it says nothing.
DType config_dtype(const Json& config);
// The config.json of the same model with weights of this type.
Json with_dtype(Json config, DType dtype);

}  // namespace temper

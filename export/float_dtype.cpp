#include "export/float_dtype.h"

#include "common/error.h"

namespace temper {
namespace {

struct FloatDType {
  DType dtype;
  at::ScalarType scalar_type;
  const char* name;
};

constexpr FloatDType kFloatDTypes[] = {{DType::kF32, at::kFloat, "float32"},
                                       {DType::kBF16, at::kBFloat16, "bfloat16"},
                                       {DType::kF16, at::kHalf, "float16"}};

constexpr const char* kKey = "dtype";
constexpr const char* kOldKey = "torch_dtype";

const FloatDType& find_dtype(DType dtype) {
  for (const FloatDType& candidate : kFloatDTypes) {
    if (candidate.dtype == dtype) return candidate;
  }
  TEMPER_CHECK(false, "weights are not exported as {}", dtype_name(dtype));
  return kFloatDTypes[0];
}

}  // namespace

DType float_dtype_named(const std::string& name) {
  for (const FloatDType& candidate : kFloatDTypes) {
    if (candidate.name == name) return candidate.dtype;
  }
  throw UserError("dtype \"{}\": expected float32, bfloat16 or float16", name);
}

std::string float_dtype_name(DType dtype) {
  return find_dtype(dtype).name;
}

at::ScalarType to_scalar_type(DType dtype) {
  return find_dtype(dtype).scalar_type;
}

DType config_dtype(const Json& config) {
  for (const char* key : {kKey, kOldKey}) {
    const auto found = config.find(key);
    if (found != config.end() && found->is_string()) return float_dtype_named(*found);
  }
  return DType::kF32;
}

Json with_dtype(Json config, DType dtype) {
  const std::string name = float_dtype_name(dtype);
  if (config.contains(kKey)) config[kKey] = name;
  // Every version of transformers reads the old spelling.
  if (config.contains(kOldKey) || !config.contains(kKey)) config[kOldKey] = name;
  return config;
}

}  // namespace temper

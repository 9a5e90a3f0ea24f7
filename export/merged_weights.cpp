#include "export/merged_weights.h"

#include <ATen/ATen.h>

#include "common/error.h"

namespace temper {
namespace {

constexpr std::string_view kWeightSuffix = ".weight";

// "model.layers.0.self_attn.q_proj" of its weight's name; empty for other parameters.
std::string module_of(const std::string& name) {
  if (!name.ends_with(kWeightSuffix)) return "";
  return name.substr(0, name.size() - kWeightSuffix.size());
}

std::string adapter_name(const std::string& module, const char* matrix) {
  return fmt::format("base_model.model.{}.{}.weight", module, matrix);
}

}  // namespace

bool MergedWeights::contains(const std::string& name) const {
  return name.find(".lora_") == std::string::npos && weights_->contains(name);
}

void MergedWeights::read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin,
                         int64_t end, float* out) const {
  weights_->read(name, shape, begin, end, out);
  const std::string module = module_of(name);
  if (begin == end || module.empty() || !lora_->targets(module)) return;

  TEMPER_CHECK(shape.size() == 2, "{} has {} dims", name, shape.size());
  const int64_t rank = lora_->rank(module), columns = shape[1];
  const int64_t first_row = begin / columns, last_row = (end + columns - 1) / columns;
  at::Tensor a = at::empty({rank, columns}, at::kFloat);
  at::Tensor b = at::empty({last_row - first_row, rank}, at::kFloat);
  weights_->read(adapter_name(module, "lora_A"), {rank, columns}, 0, a.numel(),
                 a.data_ptr<float>());
  weights_->read(adapter_name(module, "lora_B"), {shape[0], rank}, first_row * rank,
                 last_row * rank, b.data_ptr<float>());
  const at::Tensor delta = at::mm(b, a).mul_(lora_->scale(module));
  const float* added = delta.data_ptr<float>() + (begin - first_row * columns);
  for (int64_t i = 0; i < end - begin; ++i) out[i] += added[i];
}

}  // namespace temper

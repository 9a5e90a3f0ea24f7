#include "export/rounded_weights.h"

namespace temper {

void RoundedWeights::read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin,
                          int64_t end, float* out) const {
  weights_->read(name, shape, begin, end, out);
  if (!is_rounded_(name)) return;
  at::Tensor values = at::from_blob(out, {end - begin}, at::kFloat);
  values.copy_(values.to(dtype_));
}

}  // namespace temper

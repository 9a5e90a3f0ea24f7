#include "kernels/embedding.h"

#include "common/error.h"
#include "kernels/operators.h"

namespace temper {

at::Tensor embedding_forward(const at::Tensor& weight, const at::Tensor& tokens) {
  return at::index_select(weight, 0, tokens);
}

void embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw) {
  if (!has_cpu_loops(dy)) return operators_for(dy).embedding_weight_gradient(dy, tokens, dw);
  const int64_t num_tokens = dy.size(0), hidden = dy.size(1);
  TEMPER_CHECK(dy.is_contiguous() && dw.is_contiguous() && tokens.is_contiguous() &&
                   tokens.numel() == num_tokens && dw.size(1) == hidden,
               "embedding_weight_gradient: shapes do not agree");
  dw.zero_();
  const float* in = dy.const_data_ptr<float>();
  const int64_t* token = tokens.const_data_ptr<int64_t>();
  float* out = dw.data_ptr<float>();
  for (int64_t t = 0; t < num_tokens; ++t) {
    TEMPER_CHECK(token[t] >= 0 && token[t] < dw.size(0), "token {} is not in the table", token[t]);
    float* row = out + token[t] * hidden;
    for (int64_t i = 0; i < hidden; ++i) row[i] += in[t * hidden + i];
  }
}

}  // namespace temper

#include "stage/batch.h"

#include <algorithm>
#include <utility>

namespace temper {
namespace {

at::Tensor to_tensor(const std::vector<int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.data_ptr<int64_t>());
  return tensor;
}

}  // namespace

Batch to_device(const Batch& batch, at::Device device) {
  Batch moved = batch;
  if (device.is_cpu()) return moved;
  moved.tokens = batch.tokens.to(device);
  if (batch.targets.defined()) moved.targets = batch.targets.to(device);
  moved.positions = batch.positions.to(device);
  moved.device_cu_seqlens = at::tensor(batch.cu_seqlens, at::kInt).to(device);
  return moved;
}

Batch make_batch(const std::vector<int64_t>& tokens, const std::vector<int64_t>& targets,
                 const std::vector<int64_t>& positions, std::vector<int32_t> cu_seqlens) {
  Batch batch;
  batch.tokens = to_tensor(tokens);
  batch.targets = to_tensor(targets);
  batch.positions = to_tensor(positions);
  batch.cu_seqlens = std::move(cu_seqlens);
  batch.num_targets =
      std::count_if(targets.begin(), targets.end(), [](int64_t t) { return t >= 0; });
  return batch;
}

}  // namespace temper

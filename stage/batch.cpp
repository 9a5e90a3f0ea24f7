#include "stage/batch.h"

#include <algorithm>

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

Batch make_batch(const MicroBatch& rows) {
  Batch batch;
  batch.tokens = to_tensor(rows.tokens);
  batch.targets = to_tensor(rows.targets);
  batch.positions = to_tensor(rows.positions);
  batch.cu_seqlens = rows.cu_seqlens;
  // Labels that others wrote may hold other negatives: those are no targets, and the head refuses
  // them.
  batch.num_targets = std::count_if(rows.targets.begin(), rows.targets.end(),
                                    [](int64_t target) { return target >= 0; });
  return batch;
}

}  // namespace temper

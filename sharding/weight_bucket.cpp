#include "sharding/weight_bucket.h"

#include <algorithm>

#include "common/error.h"
#include "kernels/adamw.h"

namespace temper {
namespace {

// Elements of a weight that pass through host memory at a time on their way to elsewhere.
constexpr int64_t kStagedElements = int64_t{1} << 22;

}  // namespace

WeightBucket::WeightBucket(const PlannedBucket& plan, BucketHome home, const Place& place)
    : trainable_(plan.trainable),
      home_(home),
      place_(place),
      layout_(bucket_layout(plan, home, place.world_size)) {
  const auto zeros = [&](int64_t elements, at::ScalarType type) {
    return at::zeros({elements}, at::TensorOptions(place.compute.device).dtype(type));
  };
  const auto new_shard = [&] { return zeros(layout_.shard_elements(), at::kFloat); };
  if (home_ == BucketHome::kGathered || home_ == BucketHome::kReplicated) {
    full_ = zeros(layout_.num_elements(), place.compute.type);
    point_shard_into_full();
  }
  if (home_ == BucketHome::kShard && !trainable_) {
    shard_ = zeros(layout_.shard_elements(), place.compute.type);
  }
  if (!trainable_) return;
  if (home_ != BucketHome::kNodeShared && !shard_.defined()) shard_ = new_shard();
  for (int use = 0; use < plan.num_uses; ++use) accumulators_.push_back(new_shard());
  adam_m_ = new_shard();
  adam_v_ = new_shard();
}

void WeightBucket::set_shared_memory(const at::Tensor& full) {
  TEMPER_CHECK(home_ == BucketHome::kNodeShared && full.numel() == layout_.num_elements());
  full_ = full;
  point_shard_into_full();
}

// Unless it is of another type than the master weights.
void WeightBucket::point_shard_into_full() {
  if (owns_shard() && full_.scalar_type() == at::kFloat) shard_ = shard_of_full();
}

at::Tensor WeightBucket::shard_of_full() const {
  return full_.narrow(0, place_.rank * layout_.shard_elements(), layout_.shard_elements());
}

void WeightBucket::publish_shard() {
  if (home_ == BucketHome::kGathered && full_.scalar_type() != shard_.scalar_type()) {
    shard_of_full().copy_(shard_);
  }
}

void WeightBucket::check_complete(const WeightSource& source) const {
  for (const BucketParameter& parameter : layout_.parameters()) {
    if (source.contains(parameter.name)) continue;
    throw UserError("the weights have no {} of shape [{}]", parameter.name,
                    fmt::join(parameter.shape, ", "));
  }
}

void WeightBucket::load(const WeightSource& source) {
  at::Tensor target = owns_shard() ? shard_ : full_;
  std::vector<ShardPiece> pieces;
  if (owns_shard()) {
    pieces = layout_.pieces(place_.rank);
  } else if (home_ == BucketHome::kReplicated) {
    pieces = layout_.pieces_between(0, layout_.num_elements());
  } else {
    const int64_t share = (layout_.num_elements() + place_.node_size - 1) / place_.node_size;
    const int64_t begin = std::min(layout_.num_elements(), share * place_.node_rank);
    const int64_t end = std::min(layout_.num_elements(), begin + share);
    pieces = layout_.pieces_between(begin, end);
    target = full_.narrow(0, begin, end - begin);
  }
  for (const ShardPiece& piece : pieces) {
    read_piece(source, piece, target.narrow(0, piece.shard_offset, piece.count));
  }
}

void WeightBucket::read_piece(const WeightSource& source, const ShardPiece& piece,
                              at::Tensor target) const {
  const BucketParameter& parameter = layout_.parameters()[piece.parameter];
  const auto read = [&](int64_t begin, int64_t count, float* out) {
    source.read(parameter.name, parameter.shape, piece.parameter_begin + begin,
                piece.parameter_begin + begin + count, out);
  };
  if (target.is_cpu() && target.scalar_type() == at::kFloat) {
    return read(0, piece.count, target.data_ptr<float>());
  }
  const at::Tensor staged = at::empty({std::min(kStagedElements, piece.count)}, at::kFloat);
  for (int64_t begin = 0; begin < piece.count; begin += kStagedElements) {
    const int64_t count = std::min(kStagedElements, piece.count - begin);
    read(begin, count, staged.data_ptr<float>());
    target.narrow(0, begin, count).copy_(staged.narrow(0, 0, count));
  }
}

void WeightBucket::finish_gradient() {
  for (size_t use = 1; use < accumulators_.size(); ++use) {
    accumulators_[0].add_(accumulators_[use]);
    accumulators_[use].zero_();
  }
}

void WeightBucket::zero_gradients() {
  for (at::Tensor& accumulator : accumulators_) accumulator.zero_();
}

void WeightBucket::adamw_step(const AdamWOptions& options, double gradient_scale, int64_t step) {
  AdamWHyperparameters hyperparameters;
  hyperparameters.learning_rate = options.learning_rate;
  hyperparameters.beta1 = options.beta1;
  hyperparameters.beta2 = options.beta2;
  hyperparameters.epsilon = options.epsilon;
  hyperparameters.gradient_scale = gradient_scale;
  hyperparameters.step = step;
  for (const ShardPiece& piece : layout_.pieces(place_.rank)) {
    const bool decayed = layout_.parameters()[piece.parameter].shape.size() >= 2;
    hyperparameters.weight_decay = decayed ? options.weight_decay : 0.0;
    const auto part = [&](const at::Tensor& shard) {
      return shard.narrow(0, piece.shard_offset, piece.count);
    };
    adamw_update(part(shard_), part(accumulators_[0]), part(adam_m_), part(adam_v_),
                 hyperparameters);
  }
}

TrainableShard WeightBucket::trainable_shard() {
  return {&layout_, shard_, accumulators_.front(), adam_m_, adam_v_};
}

void WeightBucket::add_memory_use(ShardedModel::MemoryUse& use) const {
  const auto bytes = [](const at::Tensor& tensor) {
    return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
  };
  int64_t weights = bytes(full_.defined() ? full_ : shard_);
  // Master weights beside a copy of another type.
  if (full_.defined() && shard_.defined() && !shard_.is_alias_of(full_)) weights += bytes(shard_);
  // Trainable weights are shared within a replica, frozen ones by all replicas of a node.
  if (home_ == BucketHome::kNodeShared) {
    weights /= trainable_ ? place_.world_size : place_.node_size;
  }
  (trainable_ ? use.weight_bytes : use.frozen_bytes) += weights;
  for (const at::Tensor& accumulator : accumulators_) use.gradient_bytes += bytes(accumulator);
  use.optimizer_bytes += bytes(adam_m_) + bytes(adam_v_);
}

}  // namespace temper

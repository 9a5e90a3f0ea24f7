#include "model/resident_model.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "kernels/linear.h"
#include "model/decoder_parts.h"

namespace temper {
namespace {

using WeightMap = std::map<std::string, at::Tensor>;

// Lends a stage the model's own tensors.
class ResidentSlots : public WeightSlots {
 public:
  ResidentSlots(const Stage& stage, const WeightMap& weights) : stage_(stage) {
    for (const WeightSlot& slot : stage.slots()) weights_.push_back(weights.at(slot.name));
  }

  void allocate_gradients() {
    for (size_t i = 0; i < weights_.size(); ++i) {
      gradients_.push_back(stage_.slots()[i].trainable ? at::empty_like(weights_[i], at::kFloat)
                                                       : at::Tensor());
    }
  }

  // A weight that two stages use has the sum of their gradients.
  void add_gradients(WeightMap& sums) {
    for (size_t i = 0; i < gradients_.size(); ++i) {
      if (!gradients_[i].defined()) continue;
      const auto [known, is_new] = sums.emplace(stage_.slots()[i].name, gradients_[i]);
      if (!is_new) known->second.add_(gradients_[i]);
    }
    gradients_.clear();
  }

  at::Tensor weight(int64_t slot) const override { return weights_.at(slot); }
  at::Tensor gradient(int64_t slot) const override { return gradients_.at(slot); }

 private:
  const Stage& stage_;
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> gradients_;
};

WeightMap read_weights(const std::vector<const Stage*>& stages, const WeightSource& source,
                       const ComputeDevice& compute) {
  WeightMap weights;
  for (const Stage* stage : stages) {
    for (const WeightSlot& slot : stage->slots()) {
      if (weights.count(slot.name) != 0) continue;
      if (!source.contains(slot.name)) throw UserError("there is no weight \"{}\"", slot.name);
      at::Tensor weight = at::empty(slot.shape, at::kFloat);
      source.read(slot.name, slot.shape, 0, weight.numel(), weight.data_ptr<float>());
      weights.emplace(slot.name, weight.to(compute.device, compute.type));
    }
  }
  return weights;
}

}  // namespace

struct ResidentModel::Impl {
  ModelConfig config;
  std::optional<LoraConfig> lora;
  ComputeDevice compute;
  DecoderParts parts;
  std::vector<const Stage*> stages;
  WeightMap weights;
  std::vector<ResidentSlots> slots;

  void build(Training training) {
    parts = make_decoder_parts(config, lora ? &*lora : nullptr, training);
    stages = {parts.embedding.get()};
    for (const auto& block : parts.blocks) stages.push_back(block.get());
    stages.push_back(parts.head.get());
  }

  void lend_weights() {
    slots.clear();
    for (const Stage* stage : stages) slots.emplace_back(*stage, weights);
  }

  size_t head() const { return stages.size() - 1; }

  static at::Tensor to_host(const at::Tensor& x) { return x.to(at::kCPU, at::kFloat); }

  // The input of the head: [T, hidden].
  at::Tensor hidden(const Batch& batch) const {
    at::Tensor x;
    for (size_t i = 0; i < head(); ++i) x = stages[i]->forward(slots[i], x, batch, nullptr);
    return x;
  }
};

ResidentModel::ResidentModel(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                             Training training, const WeightSource& source,
                             const ComputeDevice& compute)
    : impl_(std::make_unique<Impl>()) {
  impl_->config = config;
  impl_->lora = lora;
  impl_->compute = compute;
  impl_->build(training);
  impl_->weights = read_weights(impl_->stages, source, compute);
  impl_->lend_weights();
}

ResidentModel::~ResidentModel() = default;
ResidentModel::ResidentModel(ResidentModel&&) noexcept = default;

const ModelConfig& ResidentModel::config() const {
  return impl_->config;
}

const ComputeDevice& ResidentModel::compute() const {
  return impl_->compute;
}

bool ResidentModel::has_adapter() const {
  return impl_->lora.has_value();
}

at::Tensor ResidentModel::logits(const Batch& batch) const {
  const Batch here = to_device(batch, impl_->compute.device);
  return impl_->to_host(
      impl_->parts.head->logits(impl_->slots[impl_->head()], impl_->hidden(here)));
}

double ResidentModel::loss_sum(const Batch& batch) const {
  const size_t head = impl_->head();
  const Batch here = to_device(batch, impl_->compute.device);
  return impl_->stages[head]
      ->forward(impl_->slots[head], impl_->hidden(here), here, nullptr)
      .item<double>();
}

std::vector<double> ResidentModel::target_losses(const Batch& batch) const {
  const Batch here = to_device(batch, impl_->compute.device);
  const at::Tensor losses =
      impl_->parts.head->target_losses(impl_->slots[impl_->head()], impl_->hidden(here), here)
          .to(at::kCPU);
  return {losses.const_data_ptr<double>(), losses.const_data_ptr<double>() + losses.numel()};
}

double ResidentModel::loss_and_gradients(const Batch& host_batch,
                                         std::map<std::string, at::Tensor>& gradients) const {
  const Batch batch = to_device(host_batch, impl_->compute.device);
  const auto& stages = impl_->stages;
  std::vector<at::Tensor> inputs(stages.size());
  std::vector<SavedActivations> saved(stages.size());
  at::Tensor x;
  impl_->slots[impl_->head()].allocate_gradients();
  for (size_t i = 0; i < stages.size(); ++i) {
    inputs[i] = x;
    x = stages[i]->forward(impl_->slots[i], x, batch, &saved[i]);
  }
  const double loss = x.item<double>();

  const auto trains = [&](size_t stage) {
    for (const WeightSlot& slot : stages[stage]->slots()) {
      if (slot.trainable) return true;
    }
    return false;
  };
  size_t lowest = 0;
  while (lowest < stages.size() && !trains(lowest)) ++lowest;
  gradients.clear();
  at::Tensor grad;
  for (size_t i = stages.size(); i > lowest; --i) {
    const size_t stage = i - 1;
    if (stage != impl_->head()) impl_->slots[stage].allocate_gradients();
    grad = stages[stage]->backward(impl_->slots[stage], inputs[stage], grad, batch, saved[stage],
                                   /*need_grad_input=*/stage > lowest);
    impl_->slots[stage].add_gradients(gradients);
    inputs[stage].reset();
  }
  for (auto& [name, gradient] : gradients) gradient = impl_->to_host(gradient);
  return loss;
}

void ResidentModel::scale_lora(double factor) {
  TEMPER_CHECK(impl_->lora.has_value(), "there is no adapter to scale");
  impl_->lora->scale_by(factor);
  impl_->build(Training::kNone);
  impl_->lend_weights();
}

void ResidentModel::merge_lora() {
  TEMPER_CHECK(impl_->lora.has_value(), "there is no adapter to merge");
  constexpr std::string_view kPrefix = "base_model.model.", kSuffix = ".lora_A.weight";
  WeightMap& weights = impl_->weights;
  for (auto it = weights.begin(); it != weights.end();) {
    const std::string& name = it->first;
    if (!std::string_view(name).ends_with(kSuffix)) {
      ++it;
      continue;
    }
    const std::string module =
        name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
    const std::string b_name = fmt::format("{}{}.lora_B.weight", kPrefix, module);
    weights.at(module + ".weight")
        .addmm_(weights.at(b_name), it->second, /*beta=*/1, /*alpha=*/impl_->lora->scale(module));
    weights.erase(b_name);
    it = weights.erase(weights.find(name));
  }
  impl_->lora.reset();
  impl_->build(Training::kNone);
  impl_->lend_weights();
}

at::Tensor ResidentModel::weight(const std::string& name) const {
  const auto found = impl_->weights.find(name);
  TEMPER_CHECK(found != impl_->weights.end(), "the model has no weight \"{}\"", name);
  return impl_->to_host(found->second);
}

KvCache ResidentModel::make_cache(size_t num_sequences, int64_t capacity) const {
  const ModelConfig& config = impl_->config;
  const auto kind = at::TensorOptions(impl_->compute.device).dtype(impl_->compute.type);
  const int64_t rows = static_cast<int64_t>(num_sequences) * capacity;
  KvCache cache;
  cache.capacity = capacity;
  cache.lengths.assign(num_sequences, 0);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    cache.keys.push_back(at::empty({rows, config.num_kv_heads, config.head_dim}, kind));
    cache.values.push_back(at::empty_like(cache.keys.back()));
  }
  return cache;
}

int64_t ResidentModel::independent_tokens() const {
  return impl_->compute.can_share_weights() ? kSmallM : 0;
}

at::Tensor ResidentModel::decode(const std::vector<NewTokens>& fed, KvCache& cache) const {
  std::vector<int64_t> tokens, positions, rows, last;
  std::vector<CachedSequence> sequences;
  int64_t num_positions = 0;
  for (const NewTokens& more : fed) {
    int64_t& length = cache.lengths.at(more.sequence);
    const auto n = static_cast<int64_t>(more.ids.size());
    const int64_t begin = static_cast<int64_t>(more.sequence) * cache.capacity;
    TEMPER_CHECK(n > 0 && length + n <= cache.capacity,
                 "decode: {} tokens after {} in a cache of {}", n, length, cache.capacity);
    const auto query = static_cast<int64_t>(tokens.size());
    sequences.push_back({query, query + n, begin, begin + length + n});
    tokens.insert(tokens.end(), more.ids.begin(), more.ids.end());
    for (int64_t i = 0; i < n; ++i) {
      positions.push_back(length + i);
      rows.push_back(begin + length + i);
    }
    last.push_back(query + n - 1);
    length += n;
    num_positions = std::max(num_positions, length);
  }
  Batch batch;
  batch.tokens = at::tensor(tokens, at::kLong);
  batch.positions = at::tensor(positions, at::kLong);
  batch = to_device(batch, impl_->compute.device);
  const at::Tensor cache_rows = at::tensor(rows, at::kLong).to(impl_->compute.device);
  at::Tensor x = impl_->parts.embedding->forward(impl_->slots[0], {}, batch, nullptr);
  for (size_t layer = 0; layer < impl_->parts.blocks.size(); ++layer) {
    x = impl_->parts.blocks[layer]->decode(
        impl_->slots[layer + 1], x, batch,
        {cache.keys[layer], cache.values[layer], cache_rows, sequences, num_positions});
  }
  const at::Tensor ends =
      last.size() == tokens.size()
          ? x
          : x.index_select(0, at::tensor(last, at::kLong).to(impl_->compute.device));
  return impl_->to_host(impl_->parts.head->logits(impl_->slots[impl_->head()], ends));
}

}  // namespace temper

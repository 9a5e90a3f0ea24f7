#include "export/probe.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/error.h"
#include "common/philox.h"
#include "model/decoder_parts.h"

namespace temper {
namespace {

constexpr uint64_t kProbeSeed = 0x7465'6d70'6572;
constexpr int64_t kNumSequences = 4;
constexpr int64_t kSequenceTokens = 32;
// One stage's weights, read for one use.
class ReadWeights : public WeightSlots {
 public:
  ReadWeights(const Stage& stage, const WeightSource& source) {
    for (const WeightSlot& slot : stage.slots()) {
      if (!source.contains(slot.name)) throw UserError("there is no weight \"{}\"", slot.name);
      weights_.push_back(at::empty(slot.shape, at::kFloat));
      source.read(slot.name, slot.shape, 0, weights_.back().numel(),
                  weights_.back().data_ptr<float>());
    }
  }

  at::Tensor weight(int64_t slot) const override { return weights_.at(slot); }
  at::Tensor gradient(int64_t) const override {
    TEMPER_CHECK(false, "a probe has no gradients");
    return {};
  }

 private:
  std::vector<at::Tensor> weights_;
};

Batch batch_of_documents(const std::vector<std::vector<int64_t>>& documents) {
  MicroBatch rows;
  rows.cu_seqlens = {0};
  for (const std::vector<int64_t>& document : documents) {
    for (size_t t = 0; t < document.size(); ++t) {
      const bool is_last = t + 1 == document.size();
      rows.tokens.push_back(document[t]);
      rows.targets.push_back(is_last ? kIgnoredTarget : document[t + 1]);
      rows.positions.push_back(static_cast<int64_t>(t));
      if (!is_last) ++rows.num_targets;
    }
    rows.cu_seqlens.push_back(static_cast<int32_t>(rows.tokens.size()));
  }
  return make_batch(rows);
}

}  // namespace

Batch make_probe(const ModelConfig& config, const std::vector<int64_t>& sentence) {
  const int64_t length = std::min(kSequenceTokens, config.max_position_embeddings);
  std::vector<std::vector<int64_t>> documents;
  for (int64_t i = 0; i < kNumSequences; ++i) {
    const Philox random(kProbeSeed, static_cast<uint64_t>(i));
    std::vector<int64_t>& document = documents.emplace_back();
    for (int64_t t = 0; t < length; ++t) {
      document.push_back(static_cast<int64_t>(
          random.below(static_cast<uint64_t>(t), static_cast<uint64_t>(config.vocab_size))));
    }
  }
  for (const int64_t id : sentence) {
    if (id < 0 || id >= config.vocab_size) {
      throw UserError("the tokenizer has token {}, the model's embedding only {} rows", id,
                      config.vocab_size);
    }
  }
  if (!sentence.empty()) {
    documents.push_back(sentence);
    const auto longest = static_cast<size_t>(config.max_position_embeddings);
    if (documents.back().size() > longest) documents.back().resize(longest);
  }
  return batch_of_documents(documents);
}

Batch make_prompt_batch(const std::vector<std::vector<int64_t>>& prompts) {
  return batch_of_documents(prompts);
}

ProbeAnswer answer_probe(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                         const WeightSource& weights, const Batch& probe) {
  const at::NoGradGuard no_grad;
  const DecoderParts parts = make_decoder_parts(config, lora ? &*lora : nullptr, Training::kNone);
  at::Tensor x =
      parts.embedding->forward(ReadWeights(*parts.embedding, weights), {}, probe, nullptr);
  for (const auto& block : parts.blocks) {
    x = block->forward(ReadWeights(*block, weights), x, probe, nullptr);
  }
  const ReadWeights head(*parts.head, weights);
  ProbeAnswer answer;
  answer.logits = parts.head->logits(head, x);
  if (probe.num_targets > 0) {
    const double sum = parts.head->forward(head, x, probe, nullptr).item<double>();
    answer.loss = sum / static_cast<double>(probe.num_targets);
  }
  return answer;
}

double max_logit_difference(const ProbeAnswer& a, const ProbeAnswer& b) {
  const at::Tensor difference = (a.logits - b.logits).abs();
  // max() would return a finite number beside a NaN only by luck; ask for the property itself.
  if (!at::isfinite(difference).all().item<bool>()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return difference.max().item<double>();
}

}  // namespace temper

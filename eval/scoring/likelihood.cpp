#include "eval/scoring/likelihood.h"

#include <utility>

#include "common/error.h"
#include "data/order/micro_batch.h"

namespace temper {
namespace {

constexpr size_t kTokensAtOnce = 4096;

// Whole continuations as the documents of one batch.
struct PackedContinuations {
  std::vector<int64_t> tokens, labels;
  std::vector<int32_t> cu_seqlens = {0};
  std::vector<int64_t> num_targets;  // of each document

  void add(const Continuation& continuation) {
    for (const int64_t id : continuation.prompt) {
      tokens.push_back(id);
      labels.push_back(kIgnoredTarget);
    }
    for (const int64_t id : continuation.ids) {
      tokens.push_back(id);
      labels.push_back(id);
    }
    cu_seqlens.push_back(static_cast<int32_t>(tokens.size()));
    num_targets.push_back(static_cast<int64_t>(continuation.ids.size()));
  }
};

void score(const ResidentModel& model, const PackedContinuations& packed,
           std::vector<double>& likelihoods) {
  const std::vector<double> losses = model.target_losses(
      make_batch(make_micro_batch(packed.tokens, packed.labels, packed.cu_seqlens)));
  size_t at = 0;
  for (const int64_t count : packed.num_targets) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; ++i) sum -= losses[at++];
    likelihoods.push_back(sum);
  }
}

}  // namespace

std::vector<double> log_likelihoods(const ResidentModel& model,
                                    const std::vector<Continuation>& continuations) {
  std::vector<double> likelihoods;
  PackedContinuations packed;
  for (const Continuation& continuation : continuations) {
    const size_t length = continuation.prompt.size() + continuation.ids.size();
    TEMPER_CHECK(!continuation.prompt.empty() && !continuation.ids.empty());
    if (static_cast<int64_t>(length) > model.config().max_position_embeddings) {
      throw UserError(
          "a prompt with its answer has {} tokens; the model has "
          "max_position_embeddings {}",
          length, model.config().max_position_embeddings);
    }
    if (!packed.tokens.empty() && packed.tokens.size() + length > kTokensAtOnce) {
      score(model, std::exchange(packed, {}), likelihoods);
    }
    packed.add(continuation);
  }
  if (!packed.tokens.empty()) score(model, packed, likelihoods);
  return likelihoods;
}

}  // namespace temper

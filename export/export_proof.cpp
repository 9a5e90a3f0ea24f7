#include "export/export_proof.h"

#include <algorithm>
#include <cmath>

#include "export/float_dtype.h"

namespace temper {
namespace {

constexpr double kAbsoluteTolerance = 1e-4;
constexpr double kRelativeTolerance = 1e-5;

// JSON has no NaN.
Json number_or_null(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

}  // namespace

bool ExportProof::passed() const {
  // Written so that a NaN fails.
  return merge_difference <= tolerance && unexplained_difference <= tolerance &&
         unexplained_loss_difference <= tolerance && std::isfinite(logit_difference) &&
         std::isfinite(live_loss) && std::isfinite(reloaded_loss);
}

Json ExportProof::to_json() const {
  return Json{
      {"passed", passed()},
      {"dtype", float_dtype_name(dtype)},
      {"probe_tokens", num_probe_tokens},
      {"max_abs_logit", number_or_null(max_abs_logit)},
      {"max_abs_logit_difference", number_or_null(logit_difference)},
      {"loss_live", number_or_null(live_loss)},
      {"loss_reloaded", number_or_null(reloaded_loss)},
      {"loss_difference", number_or_null(std::fabs(reloaded_loss - live_loss))},
      {"merge_logit_difference", number_or_null(merge_difference)},
      {"rounding_logit_difference", number_or_null(rounding_difference)},
      {"unexplained_logit_difference", number_or_null(unexplained_difference)},
      {"unexplained_loss_difference", number_or_null(unexplained_loss_difference)},
      {"tolerance", number_or_null(tolerance)},
      {"tolerance_derivation",
       "holds for merge_logit_difference and both unexplained differences: 1e-4, or 1e-5 of the "
       "largest live logit if that is more (fp32 sums in another order). What rounding to the "
       "exported type changes is not estimated but computed: the live weights rounded in memory "
       "answer the same probe, and the reloaded ones must agree with them."}};
}

ExportProof prove_export(const ProofAnswers& answers, DType dtype) {
  ExportProof proof;
  proof.dtype = dtype;
  proof.num_probe_tokens = answers.live.logits.size(0);
  proof.max_abs_logit = answers.live.logits.abs().max().item<double>();
  proof.logit_difference = max_logit_difference(answers.reloaded, answers.live);
  proof.merge_difference = max_logit_difference(answers.written, answers.live);
  proof.rounding_difference = max_logit_difference(answers.expected, answers.written);
  proof.unexplained_difference = max_logit_difference(answers.reloaded, answers.expected);
  proof.live_loss = answers.live.loss;
  proof.reloaded_loss = answers.reloaded.loss;
  proof.unexplained_loss_difference = std::fabs(answers.reloaded.loss - answers.expected.loss);
  proof.tolerance = std::max(kAbsoluteTolerance, kRelativeTolerance * proof.max_abs_logit);
  return proof;
}

}  // namespace temper

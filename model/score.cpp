#include "model/score.h"

#include <limits>

#include "arch/parameters.h"
#include "common/error.h"
#include "io/safetensors/safetensors_writer.h"
#include "io/safetensors/tensor_info.h"

namespace temper {
namespace {

std::string gradient_name(const ResidentModel& model, const std::string& parameter) {
  const bool is_peft_name = !model.has_adapter() || parameter.starts_with(kPeftPrefix);
  return "grad." + (is_peft_name ? parameter : kPeftPrefix + parameter);
}

}  // namespace

void write_scores(const ResidentModel& model, const Batch& batch, int64_t rows,
                  int64_t sequence_len, bool with_gradients, const std::filesystem::path& output) {
  TEMPER_CHECK(batch.num_tokens() == rows * sequence_len, "{} tokens are not {} rows of {}",
               batch.num_tokens(), rows, sequence_len);
  if (with_gradients && batch.num_targets == 0) {
    throw UserError("gradients of the loss are asked for, but the input has no supervised token");
  }
  std::map<std::string, at::Tensor> gradients;
  const double sum =
      with_gradients ? model.loss_and_gradients(batch, gradients) : model.loss_sum(batch);
  const double num_targets = static_cast<double>(batch.num_targets);
  const float loss = batch.num_targets > 0 ? static_cast<float>(sum / num_targets)
                                           : std::numeric_limits<float>::quiet_NaN();
  const at::Tensor logits = model.logits(batch);

  std::vector<SafetensorsWriter::Entry> entries = {
      {"logits", DType::kF32, {rows, sequence_len, logits.size(1)}}, {"loss", DType::kF32, {}}};
  for (const auto& [name, gradient] : gradients) {
    entries.push_back({gradient_name(model, name), DType::kF32, gradient.sizes().vec()});
  }
  SafetensorsWriter writer(output, entries);
  writer.write_floats("logits", 0, logits.const_data_ptr<float>(), logits.numel());
  writer.write_floats("loss", 0, &loss, 1);
  for (auto& [name, gradient] : gradients) {
    gradient.div_(num_targets);
    writer.write_floats(gradient_name(model, name), 0, gradient.const_data_ptr<float>(),
                        gradient.numel());
  }
  writer.finish();
}

}  // namespace temper

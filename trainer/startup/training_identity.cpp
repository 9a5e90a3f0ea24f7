#include "trainer/startup/training_identity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/step_count.h"

namespace temper {

std::string training_identity(const RunConfig& c, int64_t rows_per_epoch) {
  std::string text;
  const auto add = [&](const char* key, const auto& value) {
    text += fmt::format("{}: {}\n", key, value);
  };
  add("adapter", c.is_lora() ? "lora" : "full");
  if (c.is_lora()) {
    add("lora_r", c.lora_r);
    add("lora_alpha", c.lora_alpha);
    add("lora_dropout", c.lora_dropout);
    add("use_rslora", c.use_rslora);
    add("lora_target_modules", fmt::format("{}", fmt::join(c.lora_target_modules, ",")));
    // Runs from before this key are told by its absence.
    if (!c.lora_modules_to_save.empty()) {
      add("lora_modules_to_save", fmt::format("{}", fmt::join(c.lora_modules_to_save, ",")));
    }
  }
  add("micro_batch_size", c.micro_batch_size);
  add("global_batch_size", c.global_batch_size);
  const int64_t steps = count_steps(c, rows_per_epoch);
  // A constant rate does not depend on where the run ends, but for its warm-up, which is resolved
  // below: such a run may be extended.
  if (c.lr_scheduler != "constant") add("steps", steps);
  add("learning_rate", c.learning_rate);
  add("lr_scheduler", c.lr_scheduler);
  add("warmup_steps", count_warmup_steps(c, steps));
  add("min_lr_ratio", c.min_lr_ratio);
  add("weight_decay", c.weight_decay);
  add("adam_beta1", c.adam_beta1);
  add("adam_beta2", c.adam_beta2);
  add("adam_epsilon", c.adam_epsilon);
  add("max_grad_norm", c.max_grad_norm);
  add("shuffle", c.shuffle);
  add("seed", c.seed);
  return text;
}

}  // namespace temper

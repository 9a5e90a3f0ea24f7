#include <vector>

#include "common/error.h"
#include "config/config_values.h"
#include "config/migrate/migrate_parts.h"

namespace temper {
namespace {

// Keys of an adapter, under every trainer's names.
const std::vector<std::string> kLoraKeys = {
    "lora_r",      "lora_rank",           "lora_alpha",         "lora_dropout",
    "lora_target", "lora_target_modules", "lora_target_linear", "lora_modules_to_save",
    "use_rslora",  "peft_use_rslora",     "additional_target"};

void migrate_model(ForeignFile& file, Migration& migration) {
  const auto name = file.take_any_text({"base_model", "model_name_or_path"});
  bool is_remote = false;
  const std::string model = name ? local_model(*name, is_remote) : "models/base";
  migration.model = model;
  migration.set("base_model", yaml_text(model),
                name ? "" : "not named there: give a local directory");
  if (is_remote) {
    migration.remark(
        "Nothing is downloaded while temper runs: the first command fetches "
        "the model, on a machine with a network.");
    migration.preparation.push_back(
        fmt::format("hf download {} --local-dir {}", shell_word(*name), shell_word(model)));
  }
}

// UserError for what is no supervised fine-tuning.
void refuse_other_methods(ForeignFile& file) {
  const YamlNode* stage = file.take("stage");
  if (stage != nullptr && stage->text != "sft" && stage->text != "pt") {
    throw UserError("{}: stage is {}; temper does supervised fine-tuning and pretraining (sft, pt)",
                    stage->place, stage->described());
  }
  const YamlNode* preference = file.take("rl");
  if (preference != nullptr && !says_off(*preference)) {
    throw UserError("{}: rl is {}; temper does supervised fine-tuning alone", preference->place,
                    preference->described());
  }
}

// The adapter as its trainer calls it; empty: every weight is trained.
std::string take_adapter(ForeignFile& file, Migration& migration) {
  if (file.trainer() == Trainer::kTrl) return file.take_switch("use_peft") ? "lora" : "";
  const char* key = file.trainer() == Trainer::kAxolotl ? "adapter" : "finetuning_type";
  const YamlNode* node = file.take(key);
  if (node == nullptr) return file.trainer() == Trainer::kAxolotl ? "" : "lora";
  if (node->text == "qlora") {
    migration.remark(
        "adapter was qlora. Here the frozen base is not quantised: LoRA "
        "learns on the base itself, and needs more memory; `temper plan` "
        "says how much.");
    return "lora";
  }
  if (node->text == "full" || says_off(*node)) return "";
  if (node->text != "lora") {
    throw UserError("{}: {} is {}; temper has lora, and full training", node->place, key,
                    node->described());
  }
  return "lora";
}

void leave_out_lora_keys(ForeignFile& file, Migration& migration, const std::string& reason) {
  for (const std::string& key : kLoraKeys) {
    if (file.take(key) != nullptr) migration.leave_out(key, reason);
  }
}

void migrate_targets(ForeignFile& file, Migration& migration) {
  const YamlNode* modules = file.take_any({"lora_target_modules", "lora_target"});
  const bool linear = file.take_switch("lora_target_linear");
  if (linear || (modules != nullptr && (modules->text == "all" || modules->text == "all-linear"))) {
    migration.set("lora_target_modules", "[all-linear]");
    if (linear && modules != nullptr) {
      migration.leave_out("lora_target_modules", "lora_target_linear names all of them");
    }
  } else if (modules != nullptr) {
    migration.set("lora_target_modules", yaml_texts(listed_texts(*modules, "lora_target_modules")));
  } else if (file.trainer() == Trainer::kTrl) {
    migration.set("lora_target_modules", "[q_proj, v_proj]",
                  "PEFT's default for Llama, Mistral and Qwen");
  } else {
    migration.set("lora_target_modules", "[all-linear]");
  }
}

void migrate_lora(ForeignFile& file, Migration& migration) {
  migration.set("adapter", "lora");
  if (const YamlNode* adapter = file.take_any({"lora_model_dir", "adapter_name_or_path"})) {
    carry_over(migration, "lora_model_dir", "lora_model_dir", *adapter);
    leave_out_lora_keys(file, migration, "the adapter that is gone on with decides it");
    return;
  }
  migrate_targets(file, migration);
  const YamlNode* rank = file.take_any({"lora_r", "lora_rank"});
  const bool is_factory = file.trainer() == Trainer::kLlamaFactory;
  const int64_t r = rank != nullptr ? whole_number(*rank, "lora_r", 1) : (is_factory ? 8 : 16);
  migration.set("lora_r", fmt::format("{}", r), rank == nullptr ? "their default" : "");
  if (const YamlNode* alpha = file.take("lora_alpha")) {
    carry_over(migration, "lora_alpha", "lora_alpha", *alpha);
  } else {
    migration.set("lora_alpha", fmt::format("{}", is_factory ? 2 * r : 32), "their default");
  }
  if (file.trainer() == Trainer::kTrl && file.look("lora_dropout") == nullptr) {
    migration.set("lora_dropout", "0.05", "their default");
  }
}

void migrate_adapter(ForeignFile& file, Migration& migration) {
  if (take_adapter(file, migration) == "lora") {
    migrate_lora(file, migration);
    return;
  }
  migration.set("adapter", "full");
  leave_out_lora_keys(file, migration, "every weight is trained, as there");
  if (const YamlNode* adapter = file.take_any({"lora_model_dir", "adapter_name_or_path"})) {
    throw UserError("{}: an adapter is named, but every weight is to be trained; merge it first",
                    adapter->place);
  }
}

void migrate_numbers(ForeignFile& file, Migration& migration) {
  constexpr const char* kGpuOnly = "in a build with CUDA; take it out for CPUs";
  const YamlNode* bf16 = file.take_any({"bf16", "bfloat16"});
  const bool wanted = bf16 != nullptr && !says_off(*bf16);  // true, auto, full
  const bool by_default =
      bf16 == nullptr && file.trainer() == Trainer::kTrl && file.look("fp16") == nullptr;
  if (wanted) migration.set("bf16", "true", kGpuOnly);
  if (by_default) migration.set("bf16", "true", fmt::format("their default; {}", kGpuOnly));
  const YamlNode* recompute = file.take("gradient_checkpointing");
  if (recompute != nullptr && !says_off(*recompute)) {
    migration.set("gradient_checkpointing", "true");
  } else if (recompute == nullptr && file.trainer() != Trainer::kAxolotl &&
             !file.take_switch("disable_gradient_checkpointing")) {
    migration.set("gradient_checkpointing", "true", "their default");
  }
}

void migrate_optimizer(ForeignFile& file, Migration& migration) {
  for (const char* key : {"optimizer", "optim"}) {
    const YamlNode* node = file.take(key);
    if (node == nullptr || node->text.find("adamw") == 0) continue;
    if (node->text.find("adamw") != std::string::npos) {
      migration.leave_out(key, "AdamW with its state in fp32, neither paged nor in 8 bits");
    } else {
      migration.leave_out(key, "the optimizer is AdamW; another one wants another learning_rate");
    }
  }
}

// The name of the schedule here; empty when there is none like it.
std::string schedule_named(const std::string& name) {
  if (name == "constant_with_warmup") return "constant";
  if (name == "cosine_with_min_lr") return "cosine";
  return name == "cosine" || name == "linear" || name == "constant" ? name : "";
}

void migrate_warmup(ForeignFile& file, Migration& migration) {
  const YamlNode* steps = file.take_any({"warmup_steps", "num_warmup_steps"});
  const YamlNode* ratio = file.take("warmup_ratio");
  const double number = steps == nullptr ? 0.0 : real_number(*steps, "warmup_steps");
  if (number > 0.0 && number < 1.0) {
    migration.set("warmup_ratio", steps->text, "there warmup_steps, below 1");
  } else if (number >= 1.0) {
    carry_over(migration, "warmup_steps", "warmup_steps", *steps);
  } else if (ratio != nullptr) {
    carry_over(migration, "warmup_ratio", "warmup_ratio", *ratio);
  } else if (steps == nullptr && file.trainer() == Trainer::kAxolotl) {
    migration.set("warmup_ratio", "0.03", "their default, there at most 100 steps");
  }
  if (number > 0.0 && ratio != nullptr && !says_off(*ratio)) {
    migration.leave_out("warmup_ratio", "warmup_steps is given as well, and holds there, too");
  }
}

void migrate_schedule(ForeignFile& file, Migration& migration) {
  const bool is_axolotl = file.trainer() == Trainer::kAxolotl;
  migrate_warmup(file, migration);
  const auto name = file.take_any_text({"lr_scheduler", "lr_scheduler_type"});
  const std::string schedule = schedule_named(name.value_or(is_axolotl ? "cosine" : "linear"));
  if (schedule.empty()) {
    migration.leave_out("lr_scheduler", fmt::format("there is no {} here; cosine is in its place",
                                                    yaml_text(*name)));
  }
  migration.set("lr_scheduler", schedule.empty() ? "cosine" : schedule,
                name ? "" : "their default");
  if (name == "constant" && (migration.has("warmup_steps") || migration.has("warmup_ratio"))) {
    migration.keys.erase("warmup_steps");
    migration.keys.erase("warmup_ratio");
    migration.leave_out("warm-up", "their constant has none; here it would have");
  }
  if (file.look("learning_rate") == nullptr && !is_axolotl) {
    const bool is_trl = file.trainer() == Trainer::kTrl;
    migration.set("learning_rate", is_trl ? "2e-5" : "5e-5",
                  is_trl ? "TRL's default; of plain TrainingArguments 5e-5" : "their default");
  }
}

void migrate_length(ForeignFile& file, Migration& migration) {
  const bool is_axolotl = file.trainer() == Trainer::kAxolotl;
  if (file.look("num_epochs") == nullptr && file.look("num_train_epochs") == nullptr) {
    migration.set("num_epochs", is_axolotl ? "1" : "3", "their default");
  }
  const YamlNode* steps = file.take("max_steps");
  if (steps == nullptr) return;
  // -1 is transformers' word for none.
  const bool is_given = whole_number(*steps, "max_steps", -1) > 0;
  migration.set("max_steps", is_given ? steps->text : "0", is_given ? "" : "by num_epochs");
}

}  // namespace

void migrate_method(ForeignFile& file, Migration& migration) {
  refuse_other_methods(file);
  migrate_model(file, migration);
  migrate_adapter(file, migration);
  migrate_numbers(file, migration);
  migrate_optimizer(file, migration);
  migrate_schedule(file, migration);
  migrate_length(file, migration);
}

}  // namespace temper

#include "config/key_names.h"

#include <map>

#include <fmt/format.h>

namespace temper {
namespace {

// Names of axolotl, LLaMA-Factory, TRL / transformers, torchtune and DeepSpeed.
const std::map<std::string, std::string>& aliases() {
  static const std::map<std::string, std::string> kAliases = {
      {"model_name_or_path", "base_model"},
      {"finetuning_type", "adapter"},
      {"lora_rank", "lora_r"},
      {"r", "lora_r"},
      {"lora_target", "lora_target_modules"},
      {"target_modules", "lora_target_modules"},
      {"modules_to_save", "lora_modules_to_save"},
      {"adapter_name_or_path", "lora_model_dir"},
      {"additional_target", "lora_modules_to_save"},
      {"peft_use_rslora", "use_rslora"},
      {"dataset", "datasets"},
      {"train_datasets", "datasets"},
      {"eval_dataset", "test_datasets"},
      {"eval_datasets", "test_datasets"},
      {"cutoff_len", "sequence_len"},
      {"max_length", "sequence_len"},
      {"max_seq_length", "sequence_len"},
      {"max_seq_len", "sequence_len"},
      {"per_device_train_batch_size", "micro_batch_size"},
      {"train_batch_size", "global_batch_size"},
      {"num_train_epochs", "num_epochs"},
      {"epochs", "num_epochs"},
      {"lr", "learning_rate"},
      {"lr_scheduler_type", "lr_scheduler"},
      {"num_warmup_steps", "warmup_steps"},
      {"cosine_min_lr_ratio", "min_lr_ratio"},
      {"adam_eps", "adam_epsilon"},
      {"gradient_clipping", "max_grad_norm"},
      {"clip_grad_norm", "max_grad_norm"},
      {"gradient_clip_val", "max_grad_norm"},
      {"enable_activation_checkpointing", "gradient_checkpointing"},
      {"activation_checkpointing", "gradient_checkpointing"},
      {"data_parallel_shard_degree", "dp_shard_size"},
      {"data_parallel_replicate_degree", "dp_replicate_size"},
      {"log_every_n_steps", "logging_steps"},
      {"run_val_every_n_steps", "eval_steps"},
      {"save_every_n_steps", "save_steps"},
      {"keep_last_n_checkpoints", "save_total_limit"},
      {"early_stopping_steps", "early_stopping_patience"},
  };
  return kAliases;
}

const std::map<std::string, std::string>& foreign_keys() {
  static const std::string kPack = "that is decided when the data is packed; see `temper pack -h`";
  static const std::string kSharded =
      "sharding is built in; see dp_shard_size and, for LoRA's base, base_placement";
  static const std::string kNotHere = "temper does not do this";
  static const std::map<std::string, std::string> kForeign = {
      {"chat_template", kPack},
      {"template", kPack},
      {"sample_packing", kPack},
      {"packing", kPack},
      {"neat_packing", kPack},
      {"train_on_inputs", kPack},
      {"roles_to_train", kPack},
      {"val_set_size", "pack held-out records apart and name them under test_datasets"},
      {"val_size", "pack held-out records apart and name them under test_datasets"},
      {"resume_from_checkpoint", "use `temper train --resume auto|never|PATH`"},
      {"auto_resume_from_checkpoints", "use `temper train --resume auto|never|PATH`"},
      {"deepspeed", kSharded},
      {"fsdp", kSharded},
      {"fsdp_config", kSharded},
      {"fsdp_version", kSharded},
      {"lora_target_linear", "write lora_target_modules: [all-linear]"},
      {"optimizer", "the optimizer is AdamW; leave the key out"},
      {"optim", "the optimizer is AdamW; leave the key out"},
      {"load_in_4bit", kNotHere},
      {"load_in_8bit", kNotHere},
      {"fp16", "use bf16, or leave it out for fp32"},
      {"pure_bf16", "use bf16: weights and optimizer state stay fp32"},
      {"report_to", "metrics are in OUTPUT_DIR/metrics.jsonl; nothing is ever sent anywhere"},
      {"wandb_project", "metrics are in OUTPUT_DIR/metrics.jsonl; nothing is ever sent anywhere"},
  };
  return kForeign;
}

}  // namespace

std::string canonical_key(const std::string& name) {
  const auto found = aliases().find(name);
  return found == aliases().end() ? name : found->second;
}

std::string foreign_key_advice(const std::string& name) {
  const auto found = foreign_keys().find(name);
  return found == foreign_keys().end() ? "" : ": " + found->second;
}

}  // namespace temper

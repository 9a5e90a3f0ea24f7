#include "config/foreign_keys.h"

namespace temper {

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

std::string foreign_key_advice(const std::string& name) {
  const auto found = foreign_keys().find(name);
  return found == foreign_keys().end() ? "" : ": " + found->second;
}

}  // namespace temper

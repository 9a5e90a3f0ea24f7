#include "config/migrate/foreign_file.h"

#include <algorithm>
#include <array>
#include <map>

#include "common/error.h"
#include "config/config_values.h"

namespace temper {
namespace {

struct TrainerName {
  Trainer trainer;
  const char* name;
  const char* option;
};
constexpr std::array<TrainerName, 3> kTrainers = {
    {{Trainer::kAxolotl, "axolotl", "axolotl"},
     {Trainer::kLlamaFactory, "LLaMA-Factory", "llama-factory"},
     {Trainer::kTrl, "TRL", "trl"}}};

// Keys that one of the trainers has, and neither another nor run.yaml.
const std::map<Trainer, std::set<std::string>>& signature_keys() {
  static const std::map<Trainer, std::set<std::string>> kKeys = {
      {Trainer::kAxolotl,
       {"dataset_prepared_path",
        "eval_sample_packing",
        "evals_per_epoch",
        "flash_attention",
        "lora_target_linear",
        "pad_to_sequence_len",
        "plugins",
        "roles_to_train",
        "sample_packing",
        "saves_per_epoch",
        "special_tokens",
        "tokenizer_type",
        "train_on_inputs",
        "val_set_size",
        "wandb_entity",
        "wandb_project",
        "wandb_watch",
        "model_type",
        "base_model_config",
        "pretraining_dataset",
        "unfrozen_parameters",
        "excess_length_strategy"}},
      {Trainer::kLlamaFactory,
       {"stage",        "finetuning_type", "template",          "dataset_dir",
        "cutoff_len",   "lora_rank",       "lora_target",       "quantization_bit",
        "plot_loss",    "overwrite_cache", "val_size",          "neat_packing",
        "mask_history", "train_on_prompt", "additional_target", "max_samples",
        "flash_attn",   "tokenized_path",  "mix_strategy",      "interleave_probs"}},
      {Trainer::kTrl,
       {"dataset_name", "dataset_config", "dataset_train_split", "dataset_test_split",
        "dataset_text_field", "use_peft", "max_seq_length", "assistant_only_loss",
        "completion_only_loss", "lora_task_type", "attn_implementation", "packing_strategy",
        "chat_template_path", "model_revision", "dataset_num_proc", "padding_free",
        "lora_modules_to_save", "dataset_streaming"}}};
  return kKeys;
}

// Keys of transformers' TrainingArguments, which LLaMA-Factory and TRL share.
constexpr std::array kTrainingArguments = {"per_device_train_batch_size", "num_train_epochs",
                                           "lr_scheduler_type"};

bool has(const YamlNode& root, const std::string& key) {
  return root.find(key) != nullptr;
}

int count_signatures(const YamlNode& root, Trainer trainer) {
  const auto& keys = signature_keys().at(trainer);
  return static_cast<int>(std::count_if(keys.begin(), keys.end(), [&](const std::string& key) {
    return has(root, key) && !(key == "lora_modules_to_save" && has(root, "base_model"));
  }));
}

// axolotl's datasets say how their records are written; those of run.yaml have a path and a weight.
bool has_typed_datasets(const YamlNode& root) {
  const YamlEntry* datasets = root.find("datasets");
  if (datasets == nullptr) return false;
  const auto& items = datasets->value.items;
  return std::any_of(items.begin(), items.end(), [](const YamlNode& item) {
    return item.find("type") != nullptr || item.find("ds_type") != nullptr;
  });
}

[[noreturn]] void refuse_undetected(const YamlNode& root) {
  const std::string place = root.entries.empty() ? root.place : root.entries.front().place;
  if (has(root, "base_model") && (has(root, "datasets") || has(root, "output_dir"))) {
    throw UserError(
        "{}: this looks like a run.yaml of temper already; with --from NAME it is read "
        "as another trainer's all the same",
        place);
  }
  throw UserError(
      "{}: this has no key that only axolotl, LLaMA-Factory or TRL has; say which of "
      "them it is for with --from NAME",
      place);
}

}  // namespace

std::string trainer_name(Trainer trainer) {
  for (const TrainerName& known : kTrainers) {
    if (known.trainer == trainer) return known.name;
  }
  return "";
}

Trainer trainer_named(const std::string& name) {
  for (const TrainerName& known : kTrainers) {
    if (name == known.option) return known.trainer;
  }
  throw UserError("--from {}: expected axolotl, llama-factory or trl", name);
}

Trainer detect_trainer(const YamlNode& root) {
  std::map<Trainer, int> votes;
  for (const TrainerName& known : kTrainers) {
    votes[known.trainer] = count_signatures(root, known.trainer);
  }
  if (has_typed_datasets(root)) ++votes[Trainer::kAxolotl];
  const auto [trainer, most] = *std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == 0) {
    const bool has_arguments = std::any_of(kTrainingArguments.begin(), kTrainingArguments.end(),
                                           [&](const char* key) { return has(root, key); });
    if (has_arguments && !has(root, "base_model")) return Trainer::kTrl;
    refuse_undetected(root);
  }
  for (const auto& [other, count] : votes) {
    if (other != trainer && count == most) {
      throw UserError(
          "{}: this has keys of {} and of {}; say which of them it is for with --from "
          "NAME",
          root.entries.front().place, trainer_name(trainer), trainer_name(other));
    }
  }
  return trainer;
}

const YamlNode* ForeignFile::look(const std::string& key) const {
  const YamlEntry* entry = root_.find(key);
  return entry == nullptr || entry->value.is_null() ? nullptr : &entry->value;
}

const YamlNode* ForeignFile::take(const std::string& key) {
  const YamlNode* node = look(key);
  if (node != nullptr) taken_.insert(key);
  return node;
}

const YamlNode* ForeignFile::take_any(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (const YamlNode* node = take(key)) return node;
  }
  return nullptr;
}

std::optional<std::string> ForeignFile::take_text(const std::string& key) {
  return take_any_text({key});
}

std::optional<std::string> ForeignFile::take_any_text(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const YamlNode* node = take(key);
    if (node == nullptr) continue;
    if (node->kind != YamlNode::Kind::kScalar) {
      throw UserError("{}: {} is {}; expected one value", node->place, key, node->described());
    }
    return node->text;
  }
  return std::nullopt;
}

bool ForeignFile::take_switch(const std::string& key) {
  const YamlNode* node = take(key);
  return node != nullptr && says_true(*node);
}

std::vector<const YamlEntry*> ForeignFile::entries(bool taken) const {
  std::vector<const YamlEntry*> found;
  for (const YamlEntry& entry : root_.entries) {
    if ((taken_.count(entry.key) != 0) == taken && !entry.value.is_null()) found.push_back(&entry);
  }
  return found;
}

bool says_off(const YamlNode& node) {
  static const std::set<std::string> kOff = {"false", "False", "FALSE", "no",  "No", "off", "Off",
                                             "none",  "None",  "0",     "0.0", "",   "null"};
  if (node.kind == YamlNode::Kind::kScalar) return kOff.count(node.text) != 0;
  return node.items.empty() && node.entries.empty();
}

bool says_true(const YamlNode& node) {
  static const std::set<std::string> kTrue = {"true", "True", "TRUE", "yes", "Yes", "on", "On"};
  return node.kind == YamlNode::Kind::kScalar && kTrue.count(node.text) != 0;
}

int64_t whole_number(const YamlNode& node, const std::string& key, int64_t lowest) {
  const ConfigValue value{node, key, {}};
  const int64_t number = read_integer(value);
  if (number < lowest) value.refuse(fmt::format("{} or more", lowest));
  return number;
}

double real_number(const YamlNode& node, const std::string& key) {
  return read_number({node, key, {}});
}

std::vector<std::string> listed_texts(const YamlNode& node, const std::string& key) {
  return read_texts({node, key, {}});
}

}  // namespace temper

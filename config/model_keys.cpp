// run.yaml's keys about the model and the data.
#include "config/key_table.h"

namespace temper {
namespace {

const Choices<std::string> kAdapters = {{"lora", "lora"}, {"full", ""}, {"none", ""}, {"", ""}};
const Choices<BasePlacement> kBasePlacements = {{"node_shared", BasePlacement::kNodeShared},
                                                {"replicated", BasePlacement::kReplicated},
                                                {"sharded", BasePlacement::kSharded}};

// LLaMA-Factory's word for all linear layers is "all".
std::vector<std::string> read_target_modules(const ConfigValue& value) {
  std::vector<std::string> modules = read_texts(value);
  if (modules == std::vector<std::string>{"all"}) modules = {"all-linear"};
  return modules;
}

void add_adapter_keys(KeyTable& table) {
  table
      .integer("lora_r", &RunConfig::lora_r,
               "The adapter has this rank: more of it can learn more, and takes more memory.")
      .at_least(1)
      .at_most(1 << 16)
      .also({"lora_rank", "r"})
      .example("16");
  table
      .number("lora_alpha", &RunConfig::lora_alpha,
              "The adapter's output is scaled by lora_alpha / lora_r.")
      .above(0)
      .example("32");
  table
      .number("lora_dropout", &RunConfig::lora_dropout,
              "This fraction of the adapter's inputs is dropped at random while it trains.")
      .at_least(0)
      .below(1);
  table
      .boolean("use_rslora", &RunConfig::use_rslora,
               "true scales the adapter's output by lora_alpha / sqrt(lora_r) instead.")
      .also({"peft_use_rslora"});
  table
      .list(ValueType::kTexts, "lora_target_modules", &RunConfig::lora_target_modules,
            read_target_modules,
            "These linear layers get an adapter, e.g. [q_proj, v_proj]; all-linear means each one "
            "of the blocks.")
      .needs_item()
      .also({"lora_target", "target_modules"});
  table
      .list(ValueType::kTexts, "lora_modules_to_save", &RunConfig::lora_modules_to_save, read_texts,
            "These train in full beside the adapter: embed_tokens, lm_head, or both. New tokens "
            "need it; it costs as much memory as full fine-tuning of them.")
      .also({"modules_to_save", "additional_target"});
  table
      .optional_path("lora_model_dir", &RunConfig::lora_model_dir,
                     "The run goes on with this adapter (a PEFT directory) instead of a fresh one. "
                     "Its rank, alpha, targets and modules to save hold: leave those keys out.")
      .also({"adapter_name_or_path"});
}

}  // namespace

void add_model_keys(KeyTable& table) {
  table.section("Model");
  table
      .path("base_model", &RunConfig::base_model,
            "The run starts from this model: a local Hugging Face directory with config.json, "
            "safetensors and a tokenizer. Nothing is ever downloaded.")
      .required()
      .also({"model_name_or_path"})
      .example("models/base");
  table
      .choice("adapter", &RunConfig::adapter, kAdapters,
              "lora trains a low-rank adapter beside a frozen base; full (or none) trains every "
              "weight.")
      .default_note("full")
      .also({"finetuning_type"})
      .example("lora");
  add_adapter_keys(table);
  table.choice("base_placement", &RunConfig::base_placement, kBasePlacements,
               "Tells where the frozen base of a LoRA run lies: node_shared (one copy a node, "
               "mapped by its ranks), replicated (one copy a rank) or sharded (one copy over all "
               "ranks).");
}

void add_data_keys(KeyTable& table) {
  table.section("Data (files made by `temper pack`; relative to this file)");
  table
      .datasets("datasets", &RunConfig::datasets,
                "The run trains on these. weight: each row is seen this many times in an epoch "
                "(0.5: in every other one). share instead of it: this fraction of an epoch's rows "
                "comes from the dataset; general text with share: 0.05 is replay against "
                "forgetting.")
      .required()
      .also({"dataset", "train_datasets"})
      .example("\n  - {path: data/train.h5, weight: 1}");
  table
      .datasets("test_datasets", &RunConfig::test_datasets,
                "These hold records of the domain that are not trained on: their loss tells what "
                "was learned.")
      .also({"eval_dataset", "eval_datasets"});
  table.datasets("general_datasets", &RunConfig::general_datasets,
                 "These hold text of everything else: their loss tells what was forgotten.");
  table
      .integer("sequence_len", &RunConfig::sequence_len,
               "A row has this many tokens; 0 means as many as the datasets were packed with. "
               "Another number than theirs is an error.")
      .at_least(2)
      .at_most(kMaxCount)
      .or_zero()
      .unit("tokens")
      .also({"cutoff_len", "max_length", "max_seq_length", "max_seq_len"});
  table.boolean("shuffle", &RunConfig::shuffle,
                "true gives the rows a new order in every epoch, derived from seed.");
}

}  // namespace temper

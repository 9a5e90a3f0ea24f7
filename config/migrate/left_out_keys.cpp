#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "config/foreign_keys.h"
#include "config/migrate/migrate_parts.h"

namespace temper {
namespace {

constexpr const char* kSent = "metrics are in OUTPUT_DIR/metrics.jsonl; nothing is sent anywhere";
constexpr const char* kBuiltIn = "temper has kernels of its own";
constexpr const char* kNoCode = "no code of a model is run; Llama, Mistral and Qwen are built in";
constexpr const char* kPacked = "rows are read from packed files; there is nothing to set";
constexpr const char* kQuantised = "the base is not quantised";
constexpr const char* kTokens =
    "bring a tokenizer that has them; pack's --bos and --eos name those two";
constexpr const char* kEpochs =
    "a number of steps: `temper train run.yaml --dry-run` says how many an epoch has";
constexpr const char* kEveryRow = "`temper pack` takes every record; give it fewer";
constexpr const char* kNoMethod = "temper does not do this: results may differ";
constexpr const char* kResumes =
    "a run goes on from its checkpoints; another output_dir is another run";
constexpr const char* kEvaluation = "evaluation takes micro_batch_size; see docs/evaluation.md";

// Beside those of config/foreign_keys.h, which run.yaml's reader knows as well.
const std::map<std::string, std::string>& reasons() {
  static const std::map<std::string, std::string> kReasons = {
      {"attn_implementation", kBuiltIn},
      {"data_seed", "seed decides the order of rows, too"},
      {"dataset_prepared_path", "`temper pack` makes the datasets"},
      {"dataset_processes", "`temper pack --workers`"},
      {"dataset_num_proc", "`temper pack --workers`"},
      {"ddp_timeout", "stall_timeout ends a run whose ranks make no progress"},
      {"debug", "temper logs what it does"},
      {"disable_tqdm", "temper writes lines, not bars"},
      {"do_eval", "test_datasets are evaluated"},
      {"do_predict", "`temper eval --questions`"},
      {"do_train", "`temper train`"},
      {"dtype", "weights and optimizer state are fp32; bf16 decides what computes"},
      {"eos_token", "`temper pack --eos`"},
      {"eval_batch_size", kEvaluation},
      {"eval_on_start", "the base is always evaluated before the first step"},
      {"eval_sample_packing", "held-out records are packed as others are"},
      {"evals_per_epoch", kEpochs},
      {"flash_attention", kBuiltIn},
      {"flash_attn", kBuiltIn},
      {"gradient_checkpointing_kwargs", "gradient_checkpointing_every sets how much"},
      {"greater_is_better", "the checkpoint of the lowest test loss is recommended"},
      {"group_by_length", "rows are full, so their length is one"},
      {"include_num_input_tokens_seen", "tokens are in metrics.jsonl"},
      {"include_tokens_per_second", "tokens a second are in metrics.jsonl"},
      {"is_llama_derived_model", "config.json says what the model is"},
      {"load_best_model_at_end", "export takes the recommended checkpoint"},
      {"local_rank", "MPI numbers the ranks"},
      {"logging_dir", kSent},
      {"logging_strategy", "logging_steps"},
      {"lora_target_linear", "lora_target_modules: [all-linear]"},
      {"lora_task_type", "causal language models only"},
      {"low_cpu_mem_usage", "weights are read shard by shard"},
      {"lr_scheduler_kwargs", "min_lr_ratio is where cosine and linear end"},
      {"mask_history", "mark the messages: \"train\": false keeps one from being learnt"},
      {"max_samples", kEveryRow},
      {"metric_for_best_model", "the checkpoint of the lowest test loss is recommended"},
      {"mix_strategy", "give datasets a weight or a share"},
      {"interleave_probs", "give datasets a weight or a share"},
      {"model_config", "config.json of the model decides"},
      {"model_revision", "give --revision to the command that fetches the model"},
      {"model_type", "config.json says what the model is"},
      {"new_special_tokens", kTokens},
      {"num_proc", "`temper pack --workers`"},
      {"overwrite_cache", "`temper pack` replaces a dataset of its own"},
      {"overwrite_output_dir", kResumes},
      {"pad_to_sequence_len", "rows are always whole"},
      {"padding_free", "rows are packed"},
      {"packing_strategy", "records are never cut across rows"},
      {"per_device_eval_batch_size", kEvaluation},
      {"plot_loss", "`temper report` draws it"},
      {"predict_with_generate", "`temper eval --questions`"},
      {"preprocessing_num_workers", "`temper pack --workers`"},
      {"preprocessing_batch_size", kPacked},
      {"remove_unused_columns", "other keys of records are passed over"},
      {"run_name", kSent},
      {"save_only_model", "checkpoints are whole; `temper export` writes the model"},
      {"save_safetensors", "`temper export` writes safetensors"},
      {"saves_per_epoch", kEpochs},
      {"seed_workers", kPacked},
      {"shuffle_merged_datasets", "rows have a new order in every epoch; shuffle: false for none"},
      {"shuffle_dataset", "rows have a new order in every epoch; shuffle: false for none"},
      {"special_tokens", kTokens},
      {"strict", "an unknown key is always an error"},
      {"tf32", "fp32 products are fp32"},
      {"tokenized_path", "`temper pack` makes the datasets"},
      {"tokenizer_config", "--tokenizer of `temper pack`"},
      {"tokenizer_name_or_path", "--tokenizer of `temper pack`"},
      {"tokenizer_type", "the model's directory says what it has"},
      {"tokens", kTokens},
      {"tool_format", "the chat template writes tools"},
      {"torch_compile", kBuiltIn},
      {"torch_dtype", "weights and optimizer state are fp32; bf16 decides what computes"},
      {"truncation_mode", "`temper pack --overlong truncate` keeps the start"},
      {"trust_remote_code", kNoCode},
      {"use_auth_token", "nothing is fetched"},
      {"warmup_strategy", "warmup_steps or warmup_ratio"},
      {"weight_decay_exclude", kNoMethod},
      {"neftune_noise_alpha", kNoMethod},
      {"noisy_embedding_alpha", kNoMethod},
      {"lora_fan_in_fan_out", "the model's modules are linear layers"},
      {"peft_use_dora", kNoMethod},
      {"use_dora", kNoMethod},
      {"unfrozen_parameters", kNoMethod},
      {"hf_use_auth_token", "nothing is fetched"},
      {"activation_offloading", "gradient_checkpointing saves memory"},
      {"plugins", kBuiltIn},
      {"use_liger_kernel", kBuiltIn},
      {"enable_liger_kernel", kBuiltIn},
      {"cut_cross_entropy", kBuiltIn},
  };
  return kReasons;
}

// Families of keys.
constexpr std::array<std::pair<std::string_view, const char*>, 18> kPrefixes = {
    {{"wandb_", kSent},
     {"mlflow_", kSent},
     {"comet_", kSent},
     {"swanlab_", kSent},
     {"trackio_", kSent},
     {"use_wandb", kSent},
     {"hub_", "nothing is sent anywhere"},
     {"push_to_hub", "nothing is sent anywhere"},
     {"hf_hub_", "nothing is sent anywhere"},
     {"bnb_4bit_", kQuantised},
     {"quantization_", kQuantised},
     {"dataloader_", kPacked},
     {"liger_", kBuiltIn},
     {"ddp_", "ranks talk through MPI or NCCL"},
     {"fsdp", "sharding is built in; see dp_shard_size"},
     {"loraplus_", kNoMethod},
     {"galore_", kNoMethod},
     {"pissa_", kNoMethod}}};

}  // namespace

std::string reason_left_out(const std::string& key) {
  const std::string advice = foreign_key_advice(key);
  if (!advice.empty()) return advice.substr(2);  // behind ": "
  const auto found = reasons().find(key);
  if (found != reasons().end()) return found->second;
  for (const auto& [prefix, reason] : kPrefixes) {
    if (key.starts_with(prefix)) return reason;
  }
  return "temper has no such key; look it up in docs/migrate.md";
}

}  // namespace temper

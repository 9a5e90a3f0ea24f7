#include "launcher/start/check_model.h"

#include "arch/model_config.h"
#include "arch/run_adapter.h"
#include "common/error.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

namespace {

ModelConfig checked_model(RunConfig& config) {
  ModelConfig model = ModelConfig::from_directory(config.base_model);
  if (config.is_lora()) {
    const LoraConfig lora = lora_of_run(config, model);
    if (!config.lora_model_dir.empty()) record_adapter(lora, config);
  }
  return model;
}

}  // namespace

void check_model_and_adapter(RunConfig& config) {
  checked_model(config);
}

void check_model(RunConfig& config) {
  const ModelConfig model = checked_model(config);
  const Tokenizer tokenizer = Tokenizer::from_file(config.base_model);
  if (tokenizer.vocab_size() > model.vocab_size) {
    throw UserError("{}: the tokenizer has {} tokens, the model's embedding only {} rows",
                    config.base_model.string(), tokenizer.vocab_size(), model.vocab_size);
  }
}

}  // namespace temper

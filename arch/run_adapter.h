// The adapter that a run trains: what its run.yaml asks for, or an earlier adapter that it goes on
// with (lora_model_dir).
#pragma once

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "config/run_config.h"

namespace temper {

// Resolves its names against the model. An earlier adapter's own settings hold: a key of run.yaml
// that contradicts one is a UserError naming both. Only lora_dropout may be another.
LoraConfig lora_of_run(const RunConfig& config, const ModelConfig& model);

// Makes the configuration say what the adapter is, for the record.
void record_adapter(const LoraConfig& lora, RunConfig& config);

}  // namespace temper

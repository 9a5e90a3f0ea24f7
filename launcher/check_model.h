// What of a run's model can be found wrong before any rank starts.
#pragma once

#include "config/run_config.h"

namespace temper {

// UserError for an unsupported base, an adapter that does not fit it (modules that it lacks,
// settings that contradict lora_model_dir), or a tokenizer with more tokens than the embedding.
// Fills in what an adapter that the run goes on with decides.
void check_model(RunConfig& config);

}  // namespace temper

// What of a run's model can be found wrong before any rank starts.
#pragma once

#include "config/run_config.h"

namespace temper {

// UserError for an unsupported base, or an adapter that does not fit it (modules that it lacks,
// settings that contradict lora_model_dir). Fills in what an adapter that the run goes on with
// decides. Milliseconds.
void check_model_and_adapter(RunConfig& config);

// The same, and the tokenizer, whose vocabulary takes longer to read: UserError for one with more
// tokens than the embedding has rows.
void check_model(RunConfig& config);

}  // namespace temper

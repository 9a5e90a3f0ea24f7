// What `temper inspect` says of a model and of an adapter. Reads configurations, the weights'
// headers and the tokenizer; no weight.
#pragma once

#include <filesystem>

#include "arch/lora_config.h"
#include "io/json.h"

namespace temper {

// Architecture, parameters by group, types, bytes, tokenizer and chat template. UserError when a
// parameter is missing or of another shape than config.json means.
OrderedJson describe_model(const std::filesystem::path& directory);

// The same of an adapter; how large it is beside its base when that is where its configuration
// says. UserError when a tensor is missing, too many or of another shape.
OrderedJson describe_adapter(const std::filesystem::path& directory);

// What training with this setting would train of the model in `directory`.
OrderedJson describe_lora_setting(const std::filesystem::path& directory, LoraConfig lora);

}  // namespace temper

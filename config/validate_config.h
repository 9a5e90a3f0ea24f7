// What makes a configuration a sound one, beyond what the table of keys says of each value.
#pragma once

#include <map>
#include <string>

#include "config/run_config.h"

namespace temper {

// A key of the file or of --set.
struct GivenKey {
  std::string place;  // of its value: "run.yaml:7"
  std::string name;   // as it was written: "lora_rank"
};

// The given keys by their canonical name.
using GivenKeys = std::map<std::string, GivenKey>;

// Fills in the defaults that follow from other keys and whichever of global_batch_size and
// gradient_accumulation_steps is missing, then checks combinations of keys, and that the files
// exist. UserError naming place, key, value and remedy.
void complete_and_validate(RunConfig& config, const GivenKeys& given, const std::string& file);

// Whether the runs of a sweep may differ in this key.
bool may_sweep(const std::string& key);

}  // namespace temper

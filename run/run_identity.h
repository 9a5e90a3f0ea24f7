// What must stay the same for a run to be resumed, stored in run.json when the run starts.
#pragma once

#include <string>

#include "common/hash.h"

namespace temper {

struct RunIdentity {
  std::string run_id;
  Hash128 base_hash;
  Hash128 dataset_hash;
  std::string adapter;
  Hash128 initial_adapter_hash;  // as the commit record has it
  std::string training_yaml;     // the keys that change the mathematics, resolved

  std::string to_json() const;
  static RunIdentity from_json(const std::string& text, const std::string& place);
};

}  // namespace temper

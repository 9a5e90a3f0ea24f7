// Chooses how much of a trained adapter to ship: the base plus a share of what was learned, so that
// what is forgotten stays within a budget, without training again.
#pragma once

#include <vector>

#include "comm/process_group.h"
#include "eval/model_loader.h"
#include "io/json.h"

namespace temper {

struct LoraScalePoint {
  double scale = 1.0;         // 0: the base, 1: what was trained
  double test_loss = 0.0;     // NaN without test sets
  double general_loss = 0.0;  // over all general sets
};

struct LoraScaleChoice {
  double scale = 1.0;
  double max_forgetting = 0.0;
  std::vector<LoraScalePoint> curve;  // from 0 to 1

  // {scale, max_forgetting, curve: [{scale, test_loss, general_loss, rise}]}
  Json to_json() const;
};

// // Takes the points whose general loss rises by at most `max_forgetting` over the first's (the
// base's), and of these the one with the lowest test loss; without test losses the one with the
// largest scale.
LoraScaleChoice choose_lora_scale(std::vector<LoraScalePoint> curve, double max_forgetting);

// Measures the run's test and general sets with a share of the adapter. Collective.
LoraScalePoint measure_lora_scale(const ModelLoader& loader, double scale, ProcessGroup& group);
// The relative rise of the general loss.
double rise_over(const LoraScalePoint& base, const LoraScalePoint& point);

// UserError: no LoRA run, or modules_to_save (which are no share of anything).
void check_lora_scale(const ModelLoader& loader);

// Measures scales 0, 0.1, ... 1 on the run's test and general sets and chooses. What it finds is
// kept with the run (docs/formats/run_directory.md), for its report. UserError as above, and: no
// budget or no general sets in its configuration, or only the base is within the budget.
// Collective.
LoraScaleChoice find_lora_scale(const ModelLoader& loader, ProcessGroup& group);

}  // namespace temper

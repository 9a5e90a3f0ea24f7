// Proves that an export is the model that was trained: the same probe answered by the live
// weights and by what was read back from disk.
#pragma once

#include <cstdint>

#include "export/probe.h"
#include "io/json.h"
#include "io/safetensors/tensor_info.h"

namespace temper {

// Where a step of an export does not change the weights' values, its two answers are the same.
struct ProofAnswers {
  ProbeAnswer live;      // base and trained weights in fp32; an adapter apart
  ProbeAnswer written;   // the weights to write, before rounding: the adapter merged if it is to be
  ProbeAnswer expected;  // the same rounded to the export's type in memory
  ProbeAnswer reloaded;  // read back from disk by the ordinary loading path
};

// Differences are the largest absolute ones between logits; NaN when one was not finite.
struct ExportProof {
  DType dtype = DType::kF32;
  int64_t num_probe_tokens = 0;
  double max_abs_logit = 0.0;           // live
  double logit_difference = 0.0;        // reloaded and live
  double merge_difference = 0.0;        // written and live: fp32 in another order
  double rounding_difference = 0.0;     // expected and written: what rounding alone changes
  double unexplained_difference = 0.0;  // reloaded and expected
  double live_loss = 0.0;
  double reloaded_loss = 0.0;
  double unexplained_loss_difference = 0.0;
  // For what rounding does not explain: 1e-4, or 1e-5 of the largest logit if that is more.
  double tolerance = 0.0;

  bool passed() const;
  Json to_json() const;
};

ExportProof prove_export(const ProofAnswers& answers, DType dtype);

}  // namespace temper

// `temper score` writes this: a model's logits, loss and gradients on one batch.
#pragma once

#include <cstdint>
#include <filesystem>

#include "model/resident_model.h"
#include "stage/batch.h"

namespace temper {

// Writes a safetensors file: `logits` [rows, sequence_len, vocab], `loss` [] (the mean over the
// batch's targets; NaN when it has none) and, with gradients, `grad.<name>` of that loss for every
// parameter that trains; with an adapter, PEFT's names, those of modules to save included. `batch`
// holds rows x sequence_len tokens. All fp32. Gradients of a batch without targets are a UserError.
void write_scores(const ResidentModel& model, const Batch& batch, int64_t rows,
                  int64_t sequence_len, bool with_gradients, const std::filesystem::path& output);

}  // namespace temper

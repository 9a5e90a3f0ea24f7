// Measures the loss on a packed dataset as (sum, count), in all and by topic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "data/dataset/packed_dataset.h"
#include "data/order/micro_batch.h"
#include "model/resident_model.h"
#include "stage/batch.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

struct HeldOutLoss {
  double sum = 0.0;   // over the targets
  int64_t count = 0;  // targets

  double mean() const { return count > 0 ? sum / static_cast<double>(count) : 0.0; }
  double perplexity() const;
};

struct HeldOutFigures {
  struct Topic {
    std::string name;
    HeldOutLoss loss;
  };
  HeldOutLoss loss;
  int64_t num_bytes = 0;      // of the supervised text, special tokens not counted
  int64_t num_tokens = 0;     // that were read for it, padding not counted
  std::vector<Topic> topics;  // that have targets; none for a dataset packed without --topic

  // Comparable between tokenizers; 0 without text.
  double bits_per_byte() const;
};

// // Counts the bytes of the text that the dataset's rows teach, special tokens not counted: bits
// per byte divide by them.
int64_t count_supervised_bytes(const PackedDataset& dataset, const Tokenizer& tokenizer);

// UserError naming the dataset when its rows of `num_tokens` are longer than the model has
// positions for.
void check_row_length(const std::string& name, int64_t num_tokens, int64_t max_position_embeddings);

// Measures the dataset's first `max_rows` rows (0: all). Row r is computed by rank r mod size,
// alone, and the rows' sums are added in row order, so the figures have the same bits on any number
// of ranks. UserError when those rows have no supervised target. Collective: all ranks of the group
// call this in the same order; an error of one rank is thrown on all.
HeldOutFigures held_out_figures(const ResidentModel& model, const Tokenizer& tokenizer,
                                ProcessGroup& group, const PackedDataset& dataset,
                                int64_t max_rows = 0);

}  // namespace temper

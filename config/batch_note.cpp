#include "config/batch_note.h"

#include <fmt/format.h>

namespace temper {

std::string batch_note(const RunConfig& config, int64_t num_ranks) {
  if (config.batch_counted_by.empty() || num_ranks <= 1) return "";
  const int64_t rows = config.global_batch_size;
  return fmt::format(
      "global batch: {} rows; {} with {} processes: {} (it counts the micro-batches of each rank, "
      "temper those of all: global_batch_size: {} gives the same)",
      rows, config.batch_counted_by, num_ranks, rows * num_ranks, rows * num_ranks);
}

}  // namespace temper

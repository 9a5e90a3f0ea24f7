#include "config/batch_note.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

RunConfig counted_by(const std::string& trainer) {
  RunConfig config;
  config.micro_batch_size = 2;
  config.gradient_accumulation_steps = 8;
  config.global_batch_size = 16;
  config.batch_counted_by = trainer;
  return config;
}

TEST(BatchNote, says_both_batches_where_they_differ) {
  EXPECT_EQ(batch_note(counted_by("axolotl"), 4),
            "global batch: 16 rows; axolotl with 4 processes: 64 (it counts the micro-batches of "
            "each rank, temper those of all: global_batch_size: 64 gives the same)");
  EXPECT_EQ(batch_note(counted_by("axolotl"), 1), "");
  EXPECT_EQ(batch_note(counted_by(""), 4), "");
}

}  // namespace
}  // namespace temper

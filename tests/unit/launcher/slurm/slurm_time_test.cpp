#include "launcher/slurm/slurm_time.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

TEST(SlurmTime, every_form_that_sbatch_takes) {
  EXPECT_EQ(parse_slurm_time("30"), 1800);
  EXPECT_EQ(parse_slurm_time("30:15"), 1815);
  EXPECT_EQ(parse_slurm_time("2:00:01"), 7201);
  EXPECT_EQ(parse_slurm_time("1-0"), 86400);
  EXPECT_EQ(parse_slurm_time("1-2"), 93600);
  EXPECT_EQ(parse_slurm_time("1-2:30"), 95400);
  EXPECT_EQ(parse_slurm_time("1-02:30:05"), 95405);
}

TEST(SlurmTime, anything_else_is_no_time) {
  for (const char* text : {"", "UNLIMITED", "INVALID", "-5", "1:2:3:4", "1-", "a-1", "1::2", "1 ",
                           "99999999999999999999", "1-2-3"}) {
    EXPECT_EQ(parse_slurm_time(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace temper

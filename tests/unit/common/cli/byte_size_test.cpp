#include "common/cli/byte_size.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

TEST(ByteSizeTest, takes_letters_and_numbers) {
  EXPECT_EQ(parse_byte_size("64G", "--memory"), int64_t{64} << 30);
  EXPECT_EQ(parse_byte_size("1.5M", "--memory"), 3 << 19);
  EXPECT_EQ(parse_byte_size("2GiB", "--memory"), int64_t{2} << 30);
  EXPECT_EQ(parse_byte_size("8000", "--memory"), 8000);
  EXPECT_EQ(parse_byte_size("8000", "slurm.mem", 1 << 20), int64_t{8000} << 20);
  EXPECT_EQ(parse_byte_size("3K", "slurm.mem", 1 << 20), 3072);
}

TEST(ByteSizeTest, refuses_anything_else) {
  for (const char* text : {"", "G", "-1G", "0", "64X", "64Gb", "1e30", "nan", " 1", "64 G"}) {
    EXPECT_THROW(parse_byte_size(text, "--memory"), UserError) << text;
  }
}

}  // namespace
}  // namespace temper

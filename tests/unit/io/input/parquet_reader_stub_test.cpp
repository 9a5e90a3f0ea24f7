// Of a build without Arrow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "io/input/parquet_reader.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

TEST(ParquetReaderTest, says_how_to_build_one_that_reads) {
  EXPECT_THAT(error_text<UserError>([] { ParquetReader("a.parquet", "a.parquet"); }),
              names("a.parquet: ", "./bootstrap.sh --parquet", "CMAKE_PREFIX_PATH", "JSON lines"));
}

}  // namespace
}  // namespace temper

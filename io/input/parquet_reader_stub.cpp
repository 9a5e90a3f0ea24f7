#include "common/error.h"
#include "io/input/parquet_reader.h"

namespace temper {

struct ParquetReader::State {};

ParquetReader::ParquetReader(const std::filesystem::path&, const std::string& name,
                             const ParquetLimits&) {
  throw UserError(
      "{}: a Parquet file, which needs a temper that was built with Arrow: run `./bootstrap.sh "
      "--parquet` and build again, or configure with Arrow's C++ library in CMAKE_PREFIX_PATH. Or "
      "write the file as JSON lines, for example with pandas: "
      "read_parquet(...).to_json(..., orient=\"records\", lines=True)",
      name);
}

ParquetReader::~ParquetReader() = default;

bool ParquetReader::next(std::string&) {
  TEMPER_CHECK(false);
}

int64_t ParquetReader::number() const {
  TEMPER_CHECK(false);
}

}  // namespace temper

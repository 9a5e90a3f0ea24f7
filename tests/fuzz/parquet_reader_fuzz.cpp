// A Parquet file.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/error.h"
#include "io/input/parquet_reader.h"
#include "io/json.h"
#include "tests/unit/temporary_directory.h"

namespace {

const std::filesystem::path& directory() {
  static const temper::TemporaryDirectory directory;
  return directory.path();
}

// Wrong text and a key that comes twice are for whoever parses the row to find.
void parse_row(const std::string& json) {
  try {
    TEMPER_CHECK(temper::parse_json(json, "row").is_object());
  } catch (const temper::UserError& error) {
    const std::string why = error.what();
    TEMPER_CHECK(why.find("UTF-8") != why.npos || why.find("twice") != why.npos ||
                     why.find("deep") != why.npos,
                 "{}", why);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  constexpr int kMaxRows = 2000;
  const std::filesystem::path path = directory() / "f.parquet";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    ParquetReader reader(path, "f.parquet", {std::size_t{1} << 20, std::int64_t{64} << 20});
    std::string json;
    for (int i = 0; i < kMaxRows && reader.next(json); ++i) {
      TEMPER_CHECK(reader.number() == i + 1);
      parse_row(json);
    }
  } catch (const UserError& error) {
    TEMPER_CHECK(std::string(error.what()).starts_with("f.parquet: "), "{}", error.what());
  }
  return 0;
}

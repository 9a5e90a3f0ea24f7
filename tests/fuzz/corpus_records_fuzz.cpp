// A corpus file of any kind: its first byte says which, the rest is its content.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/error.h"
#include "data/corpus/corpus_reader.h"
#include "data/hygiene/record_fingerprint.h"
#include "tests/unit/temporary_directory.h"
#include "text/unicode/utf8.h"

namespace {

const std::filesystem::path& directory() {
  static const temper::TemporaryDirectory directory;
  return directory.path();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  constexpr std::array<const char*, 5> kNames = {"c.jsonl", "c.json", "c.csv", "c.tsv", "c.txt"};
  constexpr int kMaxRecords = 2000;  // a small file may unpack to gigabytes
  if (size == 0) return 0;
  const std::filesystem::path path = directory() / kNames[data[0] % kNames.size()];
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data) + 1, static_cast<std::streamsize>(size - 1));
  ColumnNames names;
  if (data[0] & 0x80) names.group_by = "topic";
  try {
    CorpusReader reader({path}, CorpusFormat::kAuto, names);
    CorpusLine line;
    for (int i = 0; i < kMaxRecords && reader.next(line); ++i) {
      TEMPER_CHECK(line.line_number > 0 && line.ordinal == i);
      try {
        Record record = parse_line(line, reader.place(line), names);
        static const ControlTokens control_tokens;
        fingerprint_of(record, control_tokens);
        mask_personal_data(record);
        TEMPER_CHECK(is_valid_utf8(record.text));
        for (const Message& message : record.messages) {
          TEMPER_CHECK(is_valid_utf8(message.content));
        }
      } catch (const UserError&) {
        // the next record may be fine
      }
    }
  } catch (const UserError&) {
  }
  std::filesystem::remove(path);
  return 0;
}

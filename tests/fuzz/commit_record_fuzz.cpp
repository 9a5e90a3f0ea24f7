// commit.json. The checksum stops most inputs, so the fields are also fuzzed behind a right one.
#include "common/error.h"
#include "run/checkpoint/commit_record.h"
#include "run/checkpoint/self_checksum.h"

namespace {

void read_record(const std::string& text) {
  using namespace temper;
  try {
    const CommitRecord record = CommitRecord::from_json(text, "input");
    for (const CommittedFile& file : record.files) {
      TEMPER_CHECK(file.name.find('/') == file.name.npos);
    }
    // Older versions are read and never written.
    if (record.format_version != kCheckpointFormatVersion) return;
    TEMPER_CHECK(CommitRecord::from_json(record.to_json(), "again").step == record.step);
  } catch (const UserError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_record(text);
  try {
    Json json = parse_json(text, "input");
    if (json.is_object()) {
      json.erase("record_hash");
      read_record(seal_record(json));
    }
  } catch (const UserError&) {
  }
  return 0;
}

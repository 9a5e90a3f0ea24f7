// One dataset being packed, and its account: nothing that comes in may be lost unnoticed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "data/dataset/dataset_writer.h"
#include "data/packing/example_encoder.h"
#include "data/packing/pack_corpus.h"
#include "data/packing/row_packer.h"
#include "data/packing/topic_table.h"

namespace temper {

class PackOutput {
 public:
  PackOutput(const std::filesystem::path& path, const DatasetWriter::Header& header,
             const PackReport& blank);
  PackOutput(const PackOutput&) = delete;
  PackOutput& operator=(const PackOutput&) = delete;

  // Counts the record and packs it, or drops it: for `reason` unless that is null, else for the
  // record's own. `topic` may be empty.
  void take(EncodedRecord record, int32_t source, int64_t number, const char* reason,
            const std::string& topic);
  void finish_packing();  // nothing may be taken after
  // Checks the account, then writes the file under its name.
  void write(const std::string& sources_json, const std::string& settings_json);

  PackReport report;

 private:
  void check_account() const;

  DatasetWriter writer_;
  RowPacker packer_;
  TopicTable topics_;
};

}  // namespace temper

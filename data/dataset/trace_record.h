// Where a record of the corpus went: for audits, and for people who withdraw their consent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset/packed_dataset.h"

namespace temper {

// "train.jsonl:17": a source's name, or the end of its path, and the record's number in it.
struct RecordName {
  std::string source;
  int64_t number = 0;

  static RecordName from_text(const std::string& text);  // UserError without ":number"
};

struct RecordTrace {
  std::vector<int64_t> rows;              // ascending, each once
  std::vector<std::string> sources;       // the dataset's files that the name fits
  std::vector<std::string> drop_reasons;  // why it is in no row, where it was dropped
};

// Reads the origins of all documents: some MB per million.
RecordTrace trace_record(const PackedDataset& dataset, const RecordName& record);

}  // namespace temper

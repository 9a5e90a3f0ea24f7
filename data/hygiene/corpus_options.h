// Which corpus is read, and how: what `temper check` and `temper pack` are told alike.
#pragma once

#include <filesystem>
#include <vector>

#include "data/corpus/corpus_reader.h"
#include "data/hygiene/control_tokens.h"

namespace temper {

struct CorpusOptions {
  std::vector<std::filesystem::path> inputs;  // files, directories, patterns; "-": standard input
  CorpusFormat format = CorpusFormat::kAuto;
  ColumnNames columns;
  bool skip_bad_records = false;  // count and list them instead of stopping at the first
  int num_workers = 0;            // threads; 0: one per core
  ControlTokens control_tokens;   // that no text should spell
};

}  // namespace temper

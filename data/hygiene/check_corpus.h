// `temper check`: a hygiene pass over a corpus, without packing it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/corpus/corpus_reader.h"
#include "data/hygiene/hygiene.h"

namespace temper {

// What `temper check` and `temper pack` know of their corpus.
struct CorpusOptions {
  std::vector<std::filesystem::path> inputs;  // files, directories, patterns; "-": standard input
  CorpusFormat format = CorpusFormat::kAuto;
  ColumnNames columns;
  bool skip_bad_records = false;  // count and list them instead of stopping at the first
  int num_workers = 0;            // threads; 0: one per core
  ControlTokens control_tokens;   // that no text should spell
};

// Records that could not be read and were passed over.
struct SkippedRecords {
  static constexpr size_t kMaxReasons = 100;
  int64_t num_records = 0;
  std::vector<std::string> reasons;  // of the first ones: place and reason

  void add(const std::string& reason);
};

struct CorpusCheck {
  HygieneReport report;
  Decisions decisions;
  SkippedRecords skipped;
};

// Spills beside `scratch`, a path in a directory that can be written. UserError: a record that
// cannot be read (unless they are skipped), no record, a closed gate.
CorpusCheck check_corpus(const CorpusOptions& corpus, const HygieneOptions& hygiene,
                         const std::filesystem::path& scratch);

}  // namespace temper

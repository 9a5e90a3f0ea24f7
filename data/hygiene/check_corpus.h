// `temper check`: a hygiene pass over a corpus, without packing it.
#pragma once

#include <filesystem>

#include "data/corpus/skipped_records.h"
#include "data/hygiene/corpus_options.h"
#include "data/hygiene/hygiene.h"

namespace temper {

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

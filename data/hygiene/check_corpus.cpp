#include "data/hygiene/check_corpus.h"

#include <optional>
#include <utility>

#include "common/error.h"
#include "data/corpus/corpus_pipeline.h"

namespace temper {
namespace {

struct CheckedLine {
  CorpusLine line;  // without its text
  std::optional<RecordFingerprint> print;
  std::string error;
};

CheckedLine check_line(const CorpusLine& line, const CorpusReader& reader,
                       const CorpusOptions& corpus) {
  CheckedLine checked;
  checked.line.ordinal = line.ordinal;
  checked.line.source = line.source;
  checked.line.line_number = line.line_number;
  try {
    checked.print =
        fingerprint_of(parse_line(line, reader.place(line), corpus.columns), corpus.control_tokens);
  } catch (const UserError& error) {
    if (!corpus.skip_bad_records) throw;
    checked.error = error.what();
  }
  return checked;
}

}  // namespace

CorpusCheck check_corpus(const CorpusOptions& corpus, const HygieneOptions& hygiene,
                         const std::filesystem::path& scratch) {
  CorpusReader reader(corpus.inputs, corpus.format, corpus.columns);
  HygieneCheck check(hygiene, scratch);
  CorpusCheck result;
  for_each_record(
      reader, num_workers_or_cores(corpus.num_workers), [](const CorpusLine&) { return true; },
      [&](const CorpusLine& line) { return check_line(line, reader, corpus); },
      [&](const CheckedLine& checked) {
        if (checked.print) {
          check.add(checked.line, *checked.print);
          return;
        }
        check.add_unreadable(checked.line);
        result.skipped.add(checked.error);
      });
  result.report = check.finish(reader.sources(), corpus.columns);
  result.decisions = check.take_decisions();
  result.decisions.corpus_hash = reader.hash();
  if (result.decisions.size() == 0) {
    throw UserError("no records in {}", fmt::join(reader.sources(), ", "));
  }
  return result;
}

}  // namespace temper

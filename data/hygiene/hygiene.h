// Finds what should not be in a corpus twice, unseen or at all: duplicates, near duplicates, one
// question with different answers, records that are also in held-out or general sets, damaged
// text, personal data, text that a tokenizer takes for its control tokens. Each finding has a
// report, and most a gate; what to do with every record is the result (data/hygiene/decisions.h).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/corpus/corpus_reader.h"
#include "data/hygiene/decisions.h"
#include "data/hygiene/record_fingerprint.h"
#include "io/json.h"

namespace temper {

enum class HygieneAction {
  kOff,     // don't look
  kReport,  // count
  kMask,    // personal data only: replace it
  kDrop,    // leave the records out
  kError,   // stop when there is one
};
// "off", "report", "mask", "drop", "error"; UserError naming the flag otherwise.
HygieneAction hygiene_action_named(const std::string& flag, const std::string& name);
const char* hygiene_action_name(HygieneAction action);

struct HygieneOptions {
  // Records that equal an earlier one to the byte. Dropped are all but the first.
  HygieneAction duplicates = HygieneAction::kReport;
  // Records nearly like an earlier one that is kept.
  HygieneAction near_duplicates = HygieneAction::kReport;
  double near_threshold = 0.8;  // share of word triples in common, in (0, 1]
  // One question, different answers. Dropped are all of them: which one is right nobody knows.
  HygieneAction conflicts = HygieneAction::kReport;
  // Records equal, nearly alike, or with the same question as one of the held-out or general sets.
  HygieneAction overlap = HygieneAction::kError;
  HygieneAction cut_off = HygieneAction::kReport;   // answers that seem to stop in mid-sentence
  HygieneAction mojibake = HygieneAction::kReport;  // text in the wrong encoding
  HygieneAction personal_data = HygieneAction::kReport;
  std::vector<std::filesystem::path> held_out, general;  // other corpora

  double val_share = 0.0;  // of the records that go to the validation set, in [0, 1)
  uint64_t split_seed = 42;

  // Does the result decide about records, so that it must be there before they are packed?
  bool decides() const;
  void check() const;  // UserError for values out of range
  OrderedJson to_json() const;
};

struct HygieneReport {
  // One kind of finding.
  struct Finding {
    const char* name = "";
    HygieneAction action = HygieneAction::kOff;
    int64_t groups = 0;   // sets of records that belong together, where there are such
    int64_t records = 0;  // concerned; of duplicates, those after the first
    std::vector<std::string> examples;  // places, a few
  };
  int64_t records = 0;
  int64_t held_out_records = 0, general_records = 0;
  Finding duplicates, near_duplicates, repeated_answers, conflicts, held_out_overlap,
      general_overlap, cut_off, mojibake, personal_data, control_tokens;
  std::array<int64_t, kNumPersonalData> personal_data_records{};  // with this kind
  std::map<std::string, int64_t> control_token_records;           // that spell this one first
  int64_t groups_of_split = 0, val_records = 0;

  std::vector<const Finding*> findings() const;
  OrderedJson to_json() const;
  std::string to_text() const;
};

// Collects records in their order, then judges. Not for several threads.
class HygieneCheck {
 public:
  // Spills beside `path`. Memory: at most 130 MiB of buffers, 15 bytes a record, and 21 more with a
  // validation split.
  HygieneCheck(const HygieneOptions& options, const std::filesystem::path& path);
  ~HygieneCheck();

  // A record of the corpus itself.
  void add(const CorpusLine& line, const RecordFingerprint& print);
  // A record of the corpus that could not be read (and is left out): keeps the numbering.
  void add_unreadable(const CorpusLine& line);

  // Reads the held-out and general sets, then judges. `sources` are the names of the corpus's
  // files. UserError when a gate is closed (kError), naming counts and the first places.
  HygieneReport finish(const std::vector<std::string>& sources, const ColumnNames& names);
  // Call it after finish().
  Decisions take_decisions();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper

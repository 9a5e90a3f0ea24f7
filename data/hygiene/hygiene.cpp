#include "data/hygiene/hygiene.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "common/error.h"
#include "data/dataset/spill_file.h"
#include "data/hygiene/near_duplicates.h"

namespace temper {
namespace {

constexpr size_t kMaxExamples = 5;
constexpr uint64_t kMaxRecords = std::numeric_limits<uint32_t>::max() - 1;

// What was found of a record, one bit each.
enum Flag : uint8_t {
  kNear = 1,
  kInHeldOut = 2,
  kInGeneral = 4,
  kInConflict = 8,
  kCutOffAnswer = 16,
  kWrongEncoding = 32,
  kPersonal = 64,
  kUnreadable = 128,
};

// The `extra` of subjects: what other corpora ask comes before who asks it here, too.
constexpr uint64_t kOfOtherCorpus = 0, kOfCorpus = 1;

// A record under a key that others may have, too; their `extra` may differ.
struct KeyedRecord {
  uint64_t high, low, extra;
  uint32_t record, unused;

  KeyedRecord(const Hash128& key, uint64_t more, uint32_t which)
      : high(key.high), low(key.low), extra(more), record(which), unused(0) {}
  KeyedRecord() = default;
  bool has_key_of(const KeyedRecord& other) const { return high == other.high && low == other.low; }
  bool operator<(const KeyedRecord& other) const {
    return std::tie(high, low, extra, record) <
           std::tie(other.high, other.low, other.extra, other.record);
  }
};

class SorterByKey {
 public:
  SorterByKey(const std::filesystem::path& path, const char* what) : sorter_(path, what) {}

  void add(const Hash128& key, uint32_t record, uint64_t extra = 0) {
    sorter_.add(KeyedRecord(key, extra, record));
  }
  // Calls `take(first, entry, index)` for all in their order, where `first` is the first with the
  // entry's key and `index` counts within the key from 0. Half a corpus may have one key, so
  // nothing is kept of it. May be called again.
  template <typename Take>
  void for_each(Take take) {
    KeyedRecord first{};
    uint64_t index = 0;
    bool any = false;
    sorter_.merge([&](const KeyedRecord& entry) {
      index = any && first.has_key_of(entry) ? index + 1 : 0;
      if (index == 0) first = entry;
      any = true;
      take(first, entry, index);
    });
  }

 private:
  ExternalSorter<KeyedRecord> sorter_;
};

// Sets that grow together. The smallest member stands for its set.
class DisjointSets {
 public:
  void resize(size_t size) {
    parent_.resize(size);
    std::iota(parent_.begin(), parent_.end(), uint32_t{0});
  }
  uint32_t find(uint32_t member) {
    while (parent_[member] != member) {
      parent_[member] = parent_[parent_[member]];
      member = parent_[member];
    }
    return member;
  }
  void join(uint32_t a, uint32_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }
  size_t size() const { return parent_.size(); }

 private:
  std::vector<uint32_t> parent_;
};

struct Place {
  int64_t number;
  int32_t source, unused;
};

}  // namespace

struct HygieneCheck::State {
  State(const HygieneOptions& its_options, const std::filesystem::path& path)
      : options(its_options),
        places(path, "places"),
        records(path, "records"),
        questions(path, "questions"),
        answers(path, "answers"),
        subjects(path, "subjects"),
        groups(path, "groups"),
        near(its_options.near_threshold, path),
        pair_path(path) {}

  bool looks_for_near() const {
    return options.near_duplicates != HygieneAction::kOff || looks_for_overlap() ||
           options.val_share > 0;
  }
  bool looks_for_overlap() const {
    return options.overlap != HygieneAction::kOff &&
           !(options.held_out.empty() && options.general.empty());
  }

  void add_other_corpus(const std::vector<std::filesystem::path>& files, const ColumnNames& names);
  void find_duplicates();
  void find_repeated_answers();
  void find_conflicts();
  void find_near_pairs();
  void count_control_tokens();
  void mark_overlap();
  void mark_near_duplicates();
  void join_groups();
  void split();
  void count_flagged(HygieneReport::Finding& finding, uint8_t flag, HygieneAction action,
                     DropReason reason);
  void enforce(const HygieneReport::Finding& finding, const char* option) const;
  std::string place_of(uint32_t record);
  size_t num_other() const { return flags.size() - num_records; }

  HygieneOptions options;
  SpillVector<Place> places;
  SorterByKey records, questions, answers, subjects, groups;
  NearDuplicates near;
  std::filesystem::path pair_path;
  std::optional<ExternalSorter<uint64_t>> pairs;  // (later << 32 | earlier), no exact duplicates
  std::vector<uint8_t> flags;       // of the records of the corpus, then of the others
  std::vector<uint32_t> canonical;  // the first record that equals this one
  std::vector<uint32_t> spelling;   // the first records that spell a control token
  DisjointSets alike;               // near duplicates, all corpora
  DisjointSets together;            // what a split must not part
  size_t num_records = 0;           // of the corpus itself
  size_t num_held_out = 0;
  std::vector<std::string> sources;
  Decisions decisions;
  HygieneReport report;
};

HygieneCheck::HygieneCheck(const HygieneOptions& options, const std::filesystem::path& path)
    : state_(std::make_unique<State>(options, path)) {
  options.check();
}
HygieneCheck::~HygieneCheck() = default;

void HygieneCheck::add(const CorpusLine& line, const RecordFingerprint& print) {
  State& state = *state_;
  TEMPER_CHECK(state.flags.size() < kMaxRecords && state.flags.size() == state.num_records);
  const auto record = static_cast<uint32_t>(state.num_records++);
  state.places.append({line.line_number, line.source, 0});
  state.records.add(print.record, record);
  if (print.has_answer) {
    state.questions.add(print.question, record, print.answer.low);
    state.answers.add(print.answer, record);
  }
  if (state.looks_for_overlap()) state.subjects.add(print.subject, record, kOfCorpus);
  if (state.options.val_share > 0 && print.group != Hash128{})
    state.groups.add(print.group, record);
  if (state.looks_for_near()) state.near.add(print.words);
  uint8_t flags = 0;
  if (print.cut_off) flags |= kCutOffAnswer;
  if (print.mojibake) flags |= kWrongEncoding;
  for (size_t kind = 0; kind < kNumPersonalData; ++kind) {
    if (print.personal_data[kind] == 0) continue;
    flags |= kPersonal;
    ++state.report.personal_data_records[kind];
  }
  state.flags.push_back(flags);
  if (print.control_token.empty()) return;
  ++state.report.control_token_records[print.control_token];
  if (state.spelling.size() < kMaxExamples) state.spelling.push_back(record);
}

void HygieneCheck::add_unreadable(const CorpusLine& line) {
  State& state = *state_;
  ++state.num_records;
  state.places.append({line.line_number, line.source, 0});
  if (state.looks_for_near()) state.near.add(MinHash());
  state.flags.push_back(kUnreadable);
}

void HygieneCheck::State::add_other_corpus(const std::vector<std::filesystem::path>& files,
                                           const ColumnNames& names) {
  if (files.empty()) return;
  CorpusReader reader(files, CorpusFormat::kAuto, names);
  const ControlTokens none(std::vector<std::string>{});  // it is not this corpus that is judged
  CorpusLine line;
  while (reader.next(line)) {
    const RecordFingerprint print =
        fingerprint_of(parse_line(line, reader.place(line), names), none);
    TEMPER_CHECK(flags.size() < kMaxRecords);
    const auto record = static_cast<uint32_t>(flags.size());
    subjects.add(print.subject, record, kOfOtherCorpus);
    near.add(print.words);
    flags.push_back(0);
  }
}

void HygieneCheck::State::find_duplicates() {
  canonical.resize(flags.size());
  std::iota(canonical.begin(), canonical.end(), uint32_t{0});
  auto& finding = report.duplicates;
  finding = {"exact duplicates", options.duplicates, 0, 0, {}};
  records.for_each([&](const KeyedRecord& first, const KeyedRecord& entry, uint64_t index) {
    if (index == 0) return;
    if (index == 1) ++finding.groups;
    ++finding.records;
    canonical[entry.record] = first.record;
    if (options.duplicates == HygieneAction::kDrop) {
      decisions.drop(entry.record, DropReason::kDuplicate);
    }
  });
  for (size_t i = 0; i < num_records && finding.examples.size() < kMaxExamples; ++i) {
    if (canonical[i] == i) continue;
    finding.examples.push_back(
        fmt::format("{} equals {}", place_of(static_cast<uint32_t>(i)), place_of(canonical[i])));
  }
}

void HygieneCheck::State::find_repeated_answers() {
  auto& finding = report.repeated_answers;
  finding = {"repeated answers", HygieneAction::kReport, 0, 0, {}};
  answers.for_each([&](const KeyedRecord&, const KeyedRecord&, uint64_t index) {
    if (index == 1) ++finding.groups;
    if (index > 0) ++finding.records;
  });
}

void HygieneCheck::State::find_conflicts() {
  int64_t num_questions = 0;
  questions.for_each([&](const KeyedRecord& first, const KeyedRecord& entry, uint64_t) {
    if (options.val_share > 0) together.join(first.record, entry.record);
    if (entry.extra == first.extra || (flags[first.record] & kInConflict) != 0) return;
    ++num_questions;
    flags[first.record] |= kInConflict;
  });
  // Records that came before the second answer are known to contradict it only now.
  questions.for_each([&](const KeyedRecord& first, const KeyedRecord& entry, uint64_t) {
    flags[entry.record] |= flags[first.record] & kInConflict;
  });
  count_flagged(report.conflicts, kInConflict, options.conflicts, DropReason::kConflict);
  report.conflicts.name = "questions with different answers";
  report.conflicts.groups = num_questions;
}

// Control tokens have no gate: the user decides what a text may say.
void HygieneCheck::State::count_control_tokens() {
  auto& finding = report.control_tokens;
  finding = {"spell a control token", HygieneAction::kReport, 0, 0, {}};
  for (const auto& [token, count] : report.control_token_records) finding.records += count;
  for (const uint32_t record : spelling) finding.examples.push_back(place_of(record));
}

void HygieneCheck::State::find_near_pairs() {
  alike.resize(flags.size());
  pairs.emplace(pair_path, "pairs");
  near.for_each_pair([&](uint32_t later, uint32_t earlier) {
    later = canonical[later];
    earlier = canonical[earlier];
    if (later == earlier) return;
    if (later < earlier) std::swap(later, earlier);
    alike.join(later, earlier);
    pairs->add(uint64_t{later} << 32 | earlier);
  });
}

void HygieneCheck::State::mark_overlap() {
  const auto flag_of = [&](size_t record) {
    return record < num_records + num_held_out ? kInHeldOut : kInGeneral;
  };
  std::vector<uint8_t> others(flags.size(), 0);  // of the sets, by who stands for them
  for (size_t i = num_records; i < flags.size(); ++i) {
    others[alike.find(static_cast<uint32_t>(i))] |= flag_of(i);
  }
  for (size_t i = 0; i < num_records; ++i) {
    if ((flags[i] & kUnreadable) == 0) flags[i] |= others[alike.find(canonical[i])];
  }
  uint8_t found = 0;
  subjects.for_each([&](const KeyedRecord&, const KeyedRecord& entry, uint64_t index) {
    if (index == 0) found = 0;
    if (entry.extra == kOfOtherCorpus) {
      found |= flag_of(entry.record);
    } else {
      flags[entry.record] |= found;
    }
  });
}

// A record is a near duplicate when it is nearly like an earlier one that stays.
void HygieneCheck::State::mark_near_duplicates() {
  pairs->merge([&](uint64_t pair) {
    const auto later = static_cast<uint32_t>(pair >> 32), earlier = static_cast<uint32_t>(pair);
    if (later >= num_records) return;
    if (options.val_share > 0) together.join(later, earlier);
    const bool stays =
        (flags[earlier] & kNear) == 0 && decisions.at(earlier).drop == DropReason::kNone;
    if (stays) flags[later] |= kNear;
  });
  auto& finding = report.near_duplicates;
  count_flagged(finding, kNear, options.near_duplicates, DropReason::kNearDuplicate);
  finding.name = "near duplicates";
  std::vector<uint8_t> counted(num_records, 0);
  for (size_t i = 0; i < num_records; ++i) {
    if ((flags[i] & kNear) == 0) continue;
    const uint32_t root = alike.find(static_cast<uint32_t>(i));
    if (root < num_records && !std::exchange(counted[root], uint8_t{1})) ++finding.groups;
  }
}

void HygieneCheck::State::join_groups() {
  for (size_t i = 0; i < num_records; ++i) together.join(static_cast<uint32_t>(i), canonical[i]);
  groups.for_each([&](const KeyedRecord& first, const KeyedRecord& entry, uint64_t) {
    together.join(first.record, entry.record);
  });
}

// Whole sets, in an order drawn by the seed, until the share is reached.
void HygieneCheck::State::split() {
  if (options.val_share <= 0) return;
  join_groups();
  std::vector<uint32_t> size(num_records, 0);
  int64_t num_kept = 0;
  const auto stays = [&](size_t i) {
    return (flags[i] & kUnreadable) == 0 &&
           decisions.at(static_cast<int64_t>(i)).drop == DropReason::kNone;
  };
  for (size_t i = 0; i < num_records; ++i) {
    if (!stays(i)) continue;
    ++num_kept;
    ++size[together.find(static_cast<uint32_t>(i))];
  }
  std::vector<std::pair<uint64_t, uint32_t>> order;
  for (size_t i = 0; i < num_records; ++i) {
    if (size[i] == 0) continue;
    const uint64_t number = i;
    order.emplace_back(hash_bytes(&number, sizeof(number), options.split_seed).low,
                       static_cast<uint32_t>(i));
  }
  std::sort(order.begin(), order.end());
  report.groups_of_split = static_cast<int64_t>(order.size());
  int64_t wanted = std::llround(options.val_share * static_cast<double>(num_kept));
  std::vector<uint8_t> chosen(num_records, 0);
  for (const auto& [unused, root] : order) {
    if (size[root] > wanted) continue;  // a smaller set may still fit
    wanted -= size[root];
    chosen[root] = 1;
  }
  for (size_t i = 0; i < num_records; ++i) {
    if (!stays(i) || !chosen[together.find(static_cast<uint32_t>(i))]) continue;
    decisions.put_into_validation(static_cast<int64_t>(i));
    ++report.val_records;
  }
  if (report.val_records == 0) {
    throw UserError(
        "--val-split {}: {} records in {} groups that must stay together, none small enough for "
        "the validation set; choose a larger share or another --group-by",
        options.val_share, num_kept, report.groups_of_split);
  }
}

void HygieneCheck::State::count_flagged(HygieneReport::Finding& finding, uint8_t flag,
                                        HygieneAction action, DropReason reason) {
  finding.action = action;
  for (size_t i = 0; i < num_records; ++i) {
    if ((flags[i] & flag) == 0) continue;
    ++finding.records;
    if (finding.examples.size() < kMaxExamples) {
      finding.examples.push_back(place_of(static_cast<uint32_t>(i)));
    }
    if (action == HygieneAction::kDrop) decisions.drop(static_cast<int64_t>(i), reason);
  }
}

std::string HygieneCheck::State::place_of(uint32_t record) {
  const Place place = places.at(record);
  return corpus_place(sources[static_cast<size_t>(place.source)], place.number);
}

void HygieneCheck::State::enforce(const HygieneReport::Finding& finding, const char* option) const {
  if (finding.action != HygieneAction::kError || finding.records == 0) return;
  throw UserError("{}: {} records ({}{}); --{} drop leaves them out, --{} report only counts them",
                  finding.name, finding.records, fmt::join(finding.examples, ", "),
                  static_cast<size_t>(finding.records) > finding.examples.size() ? ", ..." : "",
                  option, option);
}

HygieneReport HygieneCheck::finish(const std::vector<std::string>& sources,
                                   const ColumnNames& names) {
  State& state = *state_;
  const HygieneOptions& options = state.options;
  HygieneReport& report = state.report;
  state.sources = sources;
  state.decisions = Decisions(state.num_records);
  report.records = static_cast<int64_t>(state.num_records);
  if (state.looks_for_overlap()) {
    ColumnNames others = names;
    others.group_by.clear();
    others.topic.clear();
    state.add_other_corpus(options.held_out, others);
    state.num_held_out = state.num_other();
    state.add_other_corpus(options.general, others);
  }
  report.held_out_records = static_cast<int64_t>(state.num_held_out);
  report.general_records = static_cast<int64_t>(state.num_other() - state.num_held_out);
  if (options.val_share > 0) state.together.resize(state.num_records);

  state.find_duplicates();
  state.find_repeated_answers();
  if (state.looks_for_near()) state.find_near_pairs();
  if (state.looks_for_overlap()) {
    state.mark_overlap();
    state.count_flagged(report.held_out_overlap, kInHeldOut, options.overlap, DropReason::kHeldOut);
    state.count_flagged(report.general_overlap, kInGeneral, options.overlap, DropReason::kGeneral);
  }
  report.held_out_overlap.name = "also in the held-out sets";
  report.general_overlap.name = "also in the general sets";
  if (state.looks_for_near()) state.mark_near_duplicates();
  state.find_conflicts();
  state.count_flagged(report.cut_off, kCutOffAnswer, options.cut_off, DropReason::kCutOff);
  report.cut_off.name = "answers that seem cut off";
  state.count_flagged(report.mojibake, kWrongEncoding, options.mojibake, DropReason::kMojibake);
  report.mojibake.name = "wrong encoding";
  state.count_flagged(report.personal_data, kPersonal, options.personal_data,
                      DropReason::kPersonalData);
  report.personal_data.name = "personal data";
  state.count_control_tokens();

  state.enforce(report.duplicates, "duplicates");
  state.enforce(report.held_out_overlap, "overlap");
  state.enforce(report.general_overlap, "overlap");
  state.enforce(report.near_duplicates, "near-duplicates");
  state.enforce(report.conflicts, "conflicts");
  state.enforce(report.cut_off, "cut-off");
  state.enforce(report.mojibake, "mojibake");
  state.enforce(report.personal_data, "pii");
  state.split();
  state.decisions.settings_json = options.to_json().dump();
  state.decisions.report_json = report.to_json().dump();
  return report;
}

Decisions HygieneCheck::take_decisions() {
  return std::move(state_->decisions);
}

}  // namespace temper

#include "data/hygiene/decisions.h"

#include <array>
#include <limits>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/input/text_input.h"
#include "io/json.h"

namespace temper {
namespace {

constexpr const char* kFormat = "temper decisions";
constexpr int64_t kFormatVersion = 1;
constexpr int64_t kMaxRecords = std::numeric_limits<uint32_t>::max();
constexpr uint8_t kValidationBit = 0x80;
constexpr std::array<const char*, 9> kReasons = {"",
                                                 "exact duplicate",
                                                 "in a held-out set",
                                                 "in a general set",
                                                 "near duplicate",
                                                 "question with different answers",
                                                 "answer cut off",
                                                 "wrong encoding",
                                                 "personal data"};

DropReason reason_named(const std::string& name, const std::string& place) {
  for (size_t i = 1; i < kReasons.size(); ++i) {
    if (name == kReasons[i]) return static_cast<DropReason>(i);
  }
  throw UserError("{}: \"drop\" is no reason this temper knows", place);
}

// Lines whose hash is known.
class HashedLines {
 public:
  explicit HashedLines(const std::filesystem::path& path) : file_(path) {}

  void append(const OrderedJson& line) {
    const std::string text = line.dump() + "\n";
    hasher_.update(text.data(), text.size());
    file_.append(text);
  }
  void finish() {
    file_.append(OrderedJson{{"end", hasher_.digest().hex()}}.dump() + "\n");
    file_.commit();
  }

 private:
  AtomicFile file_;
  StreamHasher hasher_;
};

}  // namespace

const char* drop_reason_name(DropReason reason) {
  return kReasons[static_cast<size_t>(reason)];
}

Decisions::Decision Decisions::at(int64_t ordinal) const {
  TEMPER_CHECK(ordinal >= 0 && static_cast<size_t>(ordinal) < codes_.size(), "record {} of {}",
               ordinal, codes_.size());
  const uint8_t code = codes_[static_cast<size_t>(ordinal)];
  return {static_cast<DropReason>(code & ~kValidationBit), (code & kValidationBit) != 0};
}

void Decisions::drop(int64_t ordinal, DropReason reason) {
  if (at(ordinal).drop == DropReason::kNone) {
    codes_[static_cast<size_t>(ordinal)] |= static_cast<uint8_t>(reason);
  }
}

void Decisions::put_into_validation(int64_t ordinal) {
  static_cast<void>(at(ordinal));
  codes_[static_cast<size_t>(ordinal)] |= kValidationBit;
}

bool Decisions::has_validation() const {
  for (const uint8_t code : codes_) {
    if (code == kValidationBit) return true;
  }
  return false;
}

void Decisions::write(const std::filesystem::path& path) const {
  HashedLines lines(path);
  lines.append({{"format", kFormat},
                {"format_version", kFormatVersion},
                {"records", codes_.size()},
                {"corpus_hash", corpus_hash.hex()},
                {"settings", parse_ordered_json(settings_json, "settings")},
                {"report", parse_ordered_json(report_json, "report")}});
  for (size_t i = 0; i < codes_.size(); ++i) {
    const Decision decision = at(static_cast<int64_t>(i));
    if (decision.drop != DropReason::kNone) {
      lines.append({{"record", i}, {"drop", drop_reason_name(decision.drop)}});
    } else if (decision.validation) {
      lines.append({{"record", i}, {"validation", true}});
    }
  }
  lines.finish();
}

Decisions Decisions::read(const std::filesystem::path& path) {
  LineReader reader(path);
  StreamHasher hasher;
  std::string line;
  const auto place = [&] { return fmt::format("{}:{}", path.native(), reader.line_number()); };
  if (!reader.next(line)) throw UserError("{}: empty; no decisions file", path.native());
  const Json header = parse_json(line, place());
  const JsonFields fields(header, place());
  if (fields.text_or("format", "") != kFormat) {
    throw UserError("{}: not a decisions file of `temper check`", path.native());
  }
  if (fields.integer("format_version") != kFormatVersion) {
    throw UserError("{}: decisions format version {}; this temper reads {}: use a newer temper",
                    path.native(), fields.integer("format_version"), kFormatVersion);
  }
  const int64_t num_records = fields.integer("records");
  if (num_records < 0 || num_records > kMaxRecords) {
    throw UserError("{}: \"records\" is {}", place(), num_records);
  }
  Decisions decisions(static_cast<size_t>(num_records));
  decisions.corpus_hash = Hash128::from_hex(fields.text("corpus_hash"));
  const OrderedJson ordered = parse_ordered_json(line, place());
  decisions.settings_json = ordered.value("settings", OrderedJson::object()).dump();
  decisions.report_json = ordered.value("report", OrderedJson::object()).dump();
  for (;;) {
    line += '\n';
    hasher.update(line.data(), line.size());
    if (!reader.next(line)) break;
    const Json entry = parse_json(line, place());
    const JsonFields decision(entry, place());
    if (decision.has("end")) {
      const bool whole = decision.text("end") == hasher.digest().hex() && !reader.next(line);
      if (!whole) throw UserError("{}: changed since it was written; make it again", path.native());
      return decisions;
    }
    const int64_t record = decision.integer("record");
    if (record < 0 || record >= num_records) {
      throw UserError("{}: record {} of {}", place(), record, num_records);
    }
    if (decision.has("drop")) decisions.drop(record, reason_named(decision.text("drop"), place()));
    if (decision.boolean_or("validation", false)) decisions.put_into_validation(record);
  }
  throw UserError("{}: cut off; make it again", path.native());
}

}  // namespace temper

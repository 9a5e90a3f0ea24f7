#include "data/packing/pack_corpus.h"

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "common/error.h"
#include "common/shard_names.h"
#include "data/corpus/corpus_pipeline.h"
#include "data/dataset/dataset_format.h"
#include "data/hygiene/check_corpus.h"
#include "data/packing/pack_output.h"
#include "io/output_guard.h"

namespace temper {
namespace {

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 16> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &local)};
}

// One day for all records, which the dataset records: otherwise midnight would change the data.
void fix_date(ChatTemplate& chat_template, const PackOptions& options) {
  if (!chat_template.asks_for_date()) {
    if (options.date.empty()) return;
    throw UserError("--date {}: the chat template {} does not ask for the date; leave --date out",
                    options.date, chat_template.name());
  }
  if (options.date.empty() && options.num_shards > 1) {
    throw UserError(
        "--shard {}/{}: the chat template {} asks for the date, and shards may be packed on "
        "different days; give all of them the same one, for example --date {}",
        options.shard_index, options.num_shards, chat_template.name(), today());
  }
  chat_template.set_date(options.date.empty() ? today() : options.date, "--date");
}

ChatTemplate chat_template_of(const PackOptions& options) {
  ChatTemplate chat_template = ChatTemplate::find(options.chat_template, options.tokenizer);
  chat_template.set_variables(options.template_variables);
  fix_date(chat_template, options);
  return chat_template;
}

constexpr const char* kUnreadable = "unreadable";
constexpr const char* kTooLong = "too long";

// A record on its way from a thread to the output.
struct EncodedLine {
  int64_t ordinal = 0, number = 0;
  int32_t source = 0;
  EncodedRecord record;
  std::string topic;
  std::optional<RecordFingerprint> print;
  std::string error;  // why it could not be read
  int64_t num_masked = 0;
};

OrderedJson sources_json(const PackReport& report) {
  OrderedJson sources = OrderedJson::array();
  for (const PackReport::Source& source : report.sources) {
    sources.push_back({{"name", source.name},
                       {"container", corpus_container_name(source.container)},
                       {"format", corpus_format_name(source.format)},
                       {"records", source.num_records}});
  }
  return sources;
}

void check_options(const PackOptions& options) {
  if (options.sequence_len < 2 || options.sequence_len > kMaxSequenceLen) {
    throw UserError("--sequence-len {}: expected 2 to {}", options.sequence_len, kMaxSequenceLen);
  }
  if (options.output.empty()) throw UserError("no output file is given");
  if (options.corpus.num_workers < 0) {
    throw UserError("--workers {}: less than 0", options.corpus.num_workers);
  }
  if (options.num_shards < 1 || options.num_shards > kMaxShards || options.shard_index < 0 ||
      options.shard_index >= options.num_shards) {
    throw UserError("--shard {}/{}: expected i/n with i from 0 to n - 1, n up to {}",
                    options.shard_index, options.num_shards, kMaxShards);
  }
  refuse_to_replace_foreign(pack_output_path(options, false));
  if (options.hygiene.val_share > 0) refuse_to_replace_foreign(pack_output_path(options, true));
  options.hygiene.check();
  if (!options.decisions.empty() && options.hygiene.decides()) {
    throw UserError("{}: with a decisions file what is dropped or split off is decided already",
                    options.decisions.native());
  }
  const bool decides = options.check_hygiene && options.hygiene.decides();
  if (decides && options.num_shards > 1) {
    throw UserError(
        "--shard with a gate that drops, or a split: no shard sees the whole corpus; run `temper "
        "check INPUT... --decisions FILE` with these options once, then give every shard "
        "--decisions FILE");
  }
  for (const auto& input : options.corpus.inputs) {
    if (decides && input == "-") {
      throw UserError(
          "standard input is read once, but a gate that drops, or a split, takes two "
          "passes; write the corpus to a file");
    }
  }
}

class Packing {
 public:
  explicit Packing(const PackOptions& options)
      : options_(options),
        tokenizer_(Tokenizer::from_file(options.tokenizer)),
        template_(chat_template_of(options)),
        special_(find_special_tokens(tokenizer_, options.tokenizer, options.special_tokens)),
        encoder_(tokenizer_, template_, special_,
                 {options.sequence_len, encoder_policy(), options.supervision}),
        reader_(options.corpus.inputs, options.corpus.format, options.corpus.columns),
        control_tokens_(tokenizer_.special_tokens()) {}

  PackReport run() {
    for (const bool validation : {false, true}) {
      make_output_folder(pack_output_path(options_, validation));
    }
    if (!options_.decisions.empty()) decisions_ = Decisions::read(options_.decisions);
    const PackReport blank = blank_report();
    check_header(blank);
    prepare_hygiene();
    train_.emplace(pack_output_path(options_, false), header(), blank);
    if (decisions_ && decisions_->has_validation()) {
      validation_.emplace(pack_output_path(options_, true), header(), blank);
    }
    for_each_record(
        reader_, num_workers_or_cores(options_.corpus.num_workers),
        [this](const CorpusLine& line) { return is_mine(line); },
        [this](const CorpusLine& line) { return encode(line); },
        [this](EncodedLine line) { take(std::move(line)); });
    finish();
    return std::move(train_->report);
  }

 private:
  // An over-long record is no bad one: skipping those must not pass over it.
  OverlongPolicy encoder_policy() const {
    const bool stops = options_.overlong == OverlongPolicy::kError;
    return stops && options_.corpus.skip_bad_records ? OverlongPolicy::kDrop : options_.overlong;
  }

  // This is checked before the work, not after it.
  void check_header(const PackReport& blank) const {
    constexpr size_t kUnknownYet = 64;  // a file's kind, and how many records it has
    check_header_text(options_.output, "sources",
                      sources_json(blank).dump().size() + kUnknownYet * blank.sources.size());
    check_header_text(options_.output, "settings", settings().dump().size());
  }

  void prepare_hygiene() {
    if (decisions_) return;
    if (options_.check_hygiene && options_.hygiene.decides()) {
      CorpusOptions corpus = options_.corpus;
      corpus.control_tokens = control_tokens_;
      CorpusCheck check = check_corpus(corpus, options_.hygiene, options_.output);
      decisions_ = std::move(check.decisions);
      hygiene_report_ = std::move(check.report);
    } else if (options_.check_hygiene && options_.num_shards == 1) {
      hygiene_.emplace(options_.hygiene, options_.output);
    }
  }

  DatasetWriter::Header header() const {
    return {options_.sequence_len, tokenizer_.vocab_size(), special_.pad_id,
            tokenizer_.hash(),     template_.name(),        template_.source(),
            options_.shard_index,  options_.num_shards};
  }

  PackReport blank_report() const {
    PackReport report;
    report.sequence_len = options_.sequence_len;
    report.chat_template = template_.name();
    report.date = template_.date();
    report.bos = special_.bos;
    report.eos = special_.eos;
    report.tokenizer_hash = tokenizer_.hash();
    for (const std::string& source : reader_.sources()) report.sources.push_back({source});
    return report;
  }

  bool is_mine(const CorpusLine& line) const {
    if (decisions_ && static_cast<size_t>(line.ordinal) >= decisions_->size()) refuse_decisions();
    return options_.num_shards == 1 || line.ordinal % options_.num_shards == options_.shard_index;
  }

  EncodedLine encode(const CorpusLine& line) const {
    EncodedLine encoded;
    encoded.ordinal = line.ordinal;
    encoded.number = line.line_number;
    encoded.source = line.source;
    const std::string place = reader_.place(line);
    try {
      Record record = parse_line(line, place, options_.corpus.columns);
      if (hygiene_) encoded.print = fingerprint_of(record, control_tokens_);
      if (masks_personal_data()) encoded.num_masked = mask_personal_data(record);
      encoded.record = encoder_.encode(record, place);
      encoded.topic = std::move(record.topic);
    } catch (const UserError& error) {
      if (!options_.corpus.skip_bad_records) throw;
      encoded.print.reset();
      encoded.error = error.what();
    }
    return encoded;
  }

  bool masks_personal_data() const {
    return options_.check_hygiene && options_.hygiene.personal_data == HygieneAction::kMask;
  }

  void take(EncodedLine line) {
    const Decisions::Decision decision =
        decisions_ ? decisions_->at(line.ordinal) : Decisions::Decision();
    if (hygiene_) look_at(line);
    PackOutput& output = decision.validation ? *validation_ : *train_;
    const char* reason = nullptr;
    if (!line.error.empty()) {
      reason = kUnreadable;
      output.report.skipped.add(line.error);
    } else if (decision.drop != DropReason::kNone) {
      reason = drop_reason_name(decision.drop);
    } else if (options_.overlong == OverlongPolicy::kError && line.record.dropped &&
               std::string(line.record.dropped) == kTooLong) {
      refuse_overlong(
          corpus_place(reader_.sources()[static_cast<size_t>(line.source)], line.number),
          line.record.num_tokens, options_.sequence_len);
    }
    output.report.personal_data_masked += line.num_masked;
    output.take(std::move(line.record), line.source, line.number, reason, line.topic);
  }

  void look_at(const EncodedLine& line) {
    CorpusLine place;
    place.source = line.source;
    place.line_number = line.number;
    if (line.print) {
      hygiene_->add(place, *line.print);
    } else {
      hygiene_->add_unreadable(place);
    }
  }

  void finish() {
    if (decisions_ && reader_.hash() != decisions_->corpus_hash) refuse_decisions();
    if (hygiene_) {
      hygiene_report_ = hygiene_->finish(reader_.sources(), options_.corpus.columns);
    }
    train_->report.hygiene = std::move(hygiene_report_);
    if (validation_) finish_output(*validation_);
    finish_output(*train_);
    write_output(*train_);
    if (!validation_) return;
    write_output(*validation_);
    train_->report.validation = std::make_shared<PackReport>(std::move(validation_->report));
  }

  void finish_output(PackOutput& output) const {
    output.finish_packing();
    PackReport& report = output.report;
    for (size_t i = 0; i < report.sources.size(); ++i) {
      report.sources[i].format = reader_.formats()[i];
      report.sources[i].container = reader_.containers()[i];
    }
    if (report.records_in == 0) {
      throw UserError("no records in {}", fmt::join(reader_.sources(), ", "));
    }
    if (report.tokens_supervised > 0) return;
    std::string reasons;
    for (const auto& [reason, count] : report.records_dropped) {
      reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, reason);
    }
    if (!report.skipped.reasons.empty()) reasons += "; " + report.skipped.reasons.front();
    throw UserError("nothing to learn in {}: of {} records none is left ({})",
                    fmt::join(reader_.sources(), ", "), report.records_in, reasons);
  }

  void write_output(PackOutput& output) const {
    output.write(sources_json(output.report).dump(), settings().dump());
  }

  OrderedJson settings() const {
    OrderedJson json = {{"sequence_len", options_.sequence_len},
                        {"format", corpus_format_name(options_.corpus.format)},
                        {"overlong", overlong_policy_name(options_.overlong)},
                        {"chat_template", template_.name()},
                        {"chat_template_variables", options_.template_variables},
                        {"train_on_eos", train_on_eos_name(options_.supervision.train_on_eos)},
                        {"roles_to_train", options_.supervision.roles_to_train},
                        {"tokenizer", options_.tokenizer.native()},
                        {"bos_token", special_.bos},
                        {"eos_token", special_.eos},
                        {"on_error", options_.corpus.skip_bad_records ? "skip" : "stop"},
                        {"corpus_hash", reader_.hash().hex()}};
    if (!template_.date().empty()) json["date"] = template_.date();
    if (!options_.corpus.columns.columns.empty()) json["columns"] = options_.corpus.columns.columns;
    if (!options_.corpus.columns.group_by.empty()) {
      json["group_by"] = options_.corpus.columns.group_by;
    }
    if (!options_.corpus.columns.topic.empty()) json["topic"] = options_.corpus.columns.topic;
    if (!options_.decisions.empty()) {
      json["hygiene"] = parse_ordered_json(decisions_->settings_json, "settings");
    } else if (options_.check_hygiene) {
      json["hygiene"] = options_.hygiene.to_json();
    }
    return json;
  }

  [[noreturn]] void refuse_decisions() const {
    throw UserError(
        "{}: the decisions were made for another corpus, or its files were named in another order; "
        "run `temper check` again with the same inputs",
        options_.decisions.empty() ? options_.output.native() : options_.decisions.native());
  }

  const PackOptions& options_;
  Tokenizer tokenizer_;
  ChatTemplate template_;
  SpecialTokens special_;
  ExampleEncoder encoder_;
  CorpusReader reader_;
  ControlTokens control_tokens_;
  std::optional<Decisions> decisions_;
  std::optional<HygieneCheck> hygiene_;  // in the same pass
  std::optional<HygieneReport> hygiene_report_;
  std::optional<PackOutput> train_, validation_;
};

}  // namespace

std::filesystem::path pack_output_path(const PackOptions& options, bool validation) {
  std::filesystem::path path = options.output;
  if (validation) {
    path = options.validation_output;
    if (path.empty()) {
      path = options.output.parent_path() /
             (options.output.stem().native() + "-val" + options.output.extension().native());
    }
  }
  if (options.num_shards == 1) return path;
  return shard_path(path, options.shard_index, options.num_shards);
}

PackReport pack_corpus(const PackOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  check_options(options);
  Packing packing(options);
  PackReport report = packing.run();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

double PackReport::useful_token_ratio() const {
  const auto useful = static_cast<double>(tokens_supervised + tokens_context);
  return num_rows == 0 ? 0 : useful / static_cast<double>(num_rows * sequence_len);
}

double PackReport::supervised_kept_share() const {
  return tokens_supervised_in == 0
             ? 0
             : static_cast<double>(tokens_supervised) / static_cast<double>(tokens_supervised_in);
}

OrderedJson PackReport::statistics() const {
  OrderedJson dropped = OrderedJson::object();
  for (const auto& [reason, count] : records_dropped) dropped[reason] = count;
  OrderedJson json = {{"rows", num_rows},
                      {"documents", num_documents},
                      {"records",
                       {{"in", records_in},
                        {"packed", records_packed},
                        {"dropped", dropped},
                        {"over_length", records_over_length},
                        {"truncated", records_truncated},
                        {"split", records_split},
                        {"longest_tokens", longest_record_tokens}}},
                      {"tokens",
                       {{"in", tokens_in},
                        {"supervised", tokens_supervised},
                        {"context", tokens_context},
                        {"padding", tokens_padding},
                        {"lost_truncated", tokens_lost_truncated},
                        {"lost_dropped", tokens_lost_dropped},
                        {"supervised_in", tokens_supervised_in},
                        {"straddling", tokens_straddling}}},
                      {"useful_token_ratio", useful_token_ratio()},
                      {"supervised_kept_share", supervised_kept_share()}};
  if (personal_data_masked > 0) json["personal_data_masked"] = personal_data_masked;
  if (skipped.num_records > 0) {
    json["skipped"] = {{"records", skipped.num_records}, {"reasons", skipped.reasons}};
  }
  if (hygiene) json["hygiene"] = hygiene->to_json();
  return json;
}

OrderedJson PackReport::to_json() const {
  OrderedJson json = {{"output", output.native()},
                      {"sequence_len", sequence_len},
                      {"chat_template", chat_template},
                      {"bos_token", bos},
                      {"eos_token", eos},
                      {"tokenizer_hash", tokenizer_hash.hex()},
                      {"content_hash", content_hash.hex()},
                      {"sources", sources_json(*this)}};
  if (!date.empty()) json["date"] = date;
  json.update(statistics());
  if (validation) json["validation"] = validation->to_json();
  json["seconds"] = seconds;
  json["tokens_per_second"] = seconds > 0 ? static_cast<double>(tokens_in) / seconds : 0.0;
  return json;
}

}  // namespace temper

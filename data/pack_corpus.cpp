#include "data/pack_corpus.h"

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "common/error.h"
#include "data/dataset_format.h"
#include "data/dataset_writer.h"
#include "data/row_packer.h"
#include "data/worker_pool.h"

namespace temper {
namespace {

ChatTemplate chat_template_of(const PackOptions& options) {
  ChatTemplate chat_template = ChatTemplate::find(options.chat_template, options.tokenizer);
  chat_template.set_variables(options.template_variables);
  return chat_template;
}

constexpr size_t kBatchRecords = 64;
constexpr size_t kBatchBytes = size_t{1} << 20;

using Lines = std::vector<CorpusLine>;

Lines read_batch(CorpusReader& reader) {
  Lines lines;
  size_t num_bytes = 0;
  CorpusLine line;
  while (lines.size() < kBatchRecords && num_bytes < kBatchBytes && reader.next(line)) {
    num_bytes += line.json.size();
    lines.push_back(std::move(line));
  }
  return lines;
}

struct EncodedLine {
  int32_t source = 0;
  int64_t line_number = 0;
  EncodedRecord record;
};

std::vector<EncodedLine> encode_batch(const Lines& lines, const CorpusReader& reader,
                                      const ExampleEncoder& encoder) {
  std::vector<EncodedLine> encoded;
  for (const CorpusLine& line : lines) {
    const std::string place =
        corpus_place(reader.sources()[static_cast<size_t>(line.source)], line.line_number);
    const Record record = parse_record(line.json, line.format, place);
    encoded.push_back({line.source, line.line_number, encoder.encode(record, place)});
  }
  return encoded;
}

int64_t count_supervised(const std::vector<uint8_t>& supervised) {
  return std::accumulate(supervised.begin(), supervised.end(), int64_t{0});
}

// Counts a record and hands its documents to the packer.
void take_record(EncodedLine line, int64_t sequence_len, PackReport& report, RowPacker& packer) {
  EncodedRecord& record = line.record;
  ++report.records_in;
  ++report.sources[static_cast<size_t>(line.source)].num_records;
  report.tokens_in += record.num_tokens;
  report.tokens_supervised_in += record.num_supervised;
  report.tokens_straddling += record.num_straddling;
  report.longest_record_tokens = std::max(report.longest_record_tokens, record.num_tokens);
  if (record.num_tokens > sequence_len) ++report.records_over_length;
  if (record.dropped) {
    ++report.records_dropped[record.dropped];
    report.tokens_lost_dropped += record.num_tokens;
    return;
  }
  ++report.records_packed;
  if (record.num_lost_tokens > 0) ++report.records_truncated;
  if (record.documents.size() > 1) ++report.records_split;
  report.tokens_lost_truncated += record.num_lost_tokens;
  int32_t piece = 0;
  for (EncodedDocument& document : record.documents) {
    const int64_t num_supervised = count_supervised(document.supervised);
    report.tokens_supervised += num_supervised;
    report.tokens_context += static_cast<int64_t>(document.tokens.size()) - num_supervised;
    packer.add({std::move(document.tokens), std::move(document.supervised), line.source,
                line.line_number, piece++});
  }
}

void check_account(const PackReport& report, const DatasetWriter& writer) {
  const int64_t dropped =
      std::accumulate(report.records_dropped.begin(), report.records_dropped.end(), int64_t{0},
                      [](int64_t sum, const auto& reason) { return sum + reason.second; });
  TEMPER_CHECK(report.records_in == report.records_packed + dropped,
               "records: {} in, {} packed, {} dropped", report.records_in, report.records_packed,
               dropped);
  const int64_t in_rows = report.tokens_supervised + report.tokens_context;
  TEMPER_CHECK(
      report.tokens_in == in_rows + report.tokens_lost_truncated + report.tokens_lost_dropped,
      "tokens: {} in, {} in rows, {} and {} lost", report.tokens_in, in_rows,
      report.tokens_lost_truncated, report.tokens_lost_dropped);
  // What the writer holds was counted on its own.
  TEMPER_CHECK(in_rows == writer.num_tokens() && report.tokens_supervised == writer.num_targets(),
               "{} tokens, {} of them supervised; written {} and {}", in_rows,
               report.tokens_supervised, writer.num_tokens(), writer.num_targets());
  TEMPER_CHECK(in_rows + report.tokens_padding == report.num_rows * report.sequence_len);
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

void require_targets(const PackReport& report, const std::vector<std::string>& sources) {
  if (report.records_in == 0) throw UserError("no records in {}", list_of(sources));
  if (report.tokens_supervised > 0) return;
  std::string reasons;
  for (const auto& [reason, count] : report.records_dropped) {
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, reason);
  }
  throw UserError("nothing to learn in {}: of {} records none is left ({})", list_of(sources),
                  report.records_in, reasons);
}

OrderedJson sources_json(const PackReport& report) {
  OrderedJson sources = OrderedJson::array();
  for (const PackReport::Source& source : report.sources) {
    sources.push_back({{"name", source.name},
                       {"format", corpus_format_name(source.format)},
                       {"records", source.num_records}});
  }
  return sources;
}

OrderedJson settings_json(const PackOptions& options, const PackReport& report) {
  return {{"sequence_len", options.sequence_len},
          {"format", corpus_format_name(options.format)},
          {"overlong", overlong_policy_name(options.overlong)},
          {"chat_template", report.chat_template},
          {"chat_template_variables", options.template_variables},
          {"train_on_eos", train_on_eos_name(options.supervision.train_on_eos)},
          {"roles_to_train", options.supervision.roles_to_train},
          {"tokenizer", options.tokenizer.native()},
          {"bos_token", report.bos},
          {"eos_token", report.eos}};
}

void check_options(const PackOptions& options) {
  if (options.sequence_len < 2 || options.sequence_len > kMaxSequenceLen) {
    throw UserError("--sequence-len {}: expected 2 to {}", options.sequence_len, kMaxSequenceLen);
  }
  if (options.output.empty()) throw UserError("no output file is given");
  if (options.num_workers < 0) throw UserError("--workers {}: less than 0", options.num_workers);
  if (std::filesystem::is_directory(options.output)) {
    throw UserError("{}: is a directory; name a file in it", options.output.native());
  }
}

int num_workers_of(const PackOptions& options) {
  if (options.num_workers > 0) return options.num_workers;
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Reads, encodes on several threads, and takes the records in the order of the corpus.
void run_pipeline(CorpusReader& reader, const ExampleEncoder& encoder, int num_workers,
                  const std::function<void(EncodedLine)>& take) {
  const size_t max_under_way = 2 * static_cast<size_t>(num_workers);
  std::deque<std::future<std::vector<EncodedLine>>> under_way;
  WorkerPool pool(num_workers);
  const auto take_oldest = [&] {
    for (EncodedLine& line : under_way.front().get()) take(std::move(line));
    under_way.pop_front();
  };
  for (;;) {
    auto lines = std::make_shared<Lines>();
    try {
      *lines = read_batch(reader);
    } catch (...) {
      // A record before the place that cannot be read may be wrong too: the first one is reported.
      while (!under_way.empty()) take_oldest();
      throw;
    }
    if (lines->empty()) break;
    under_way.push_back(
        pool.submit([lines, &reader, &encoder] { return encode_batch(*lines, reader, encoder); }));
    if (under_way.size() > max_under_way) take_oldest();
  }
  while (!under_way.empty()) take_oldest();
}

}  // namespace

PackReport pack_corpus(const PackOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  check_options(options);
  const Tokenizer tokenizer = Tokenizer::from_file(options.tokenizer);
  const ChatTemplate chat_template = chat_template_of(options);
  const SpecialTokens special =
      find_special_tokens(tokenizer, options.tokenizer, options.special_tokens);
  const ExampleEncoder encoder(tokenizer, chat_template, special,
                               {options.sequence_len, options.overlong, options.supervision});
  CorpusReader reader(options.inputs, options.format);
  DatasetWriter writer(options.output, {options.sequence_len, tokenizer.vocab_size(),
                                        special.pad_id, tokenizer.hash(), chat_template.name()});
  RowPacker packer(options.sequence_len, [&](const auto& documents) { writer.add_row(documents); });

  PackReport report;
  report.output = options.output;
  report.sequence_len = options.sequence_len;
  report.chat_template = chat_template.name();
  report.bos = special.bos;
  report.eos = special.eos;
  report.tokenizer_hash = tokenizer.hash();
  for (const std::string& source : reader.sources()) report.sources.push_back({source});
  run_pipeline(reader, encoder, num_workers_of(options), [&](EncodedLine line) {
    take_record(std::move(line), options.sequence_len, report, packer);
  });
  packer.finish();

  require_targets(report, reader.sources());
  for (size_t i = 0; i < report.sources.size(); ++i) report.sources[i].format = reader.formats()[i];
  report.num_rows = writer.num_rows();
  report.num_documents = writer.num_documents();
  report.tokens_padding = report.num_rows * report.sequence_len - writer.num_tokens();
  check_account(report, writer);
  report.content_hash =
      writer.finish(sources_json(report).dump(), settings_json(options, report).dump(),
                    report.statistics().dump());
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
  return {{"rows", num_rows},
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
  json.update(statistics());
  json["seconds"] = seconds;
  json["tokens_per_second"] = seconds > 0 ? static_cast<double>(tokens_in) / seconds : 0.0;
  return json;
}

}  // namespace temper

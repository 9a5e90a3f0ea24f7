#include "data/packing/pack_output.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

int64_t count_supervised(const std::vector<uint8_t>& supervised) {
  return std::accumulate(supervised.begin(), supervised.end(), int64_t{0});
}

}  // namespace

PackOutput::PackOutput(const std::filesystem::path& path, const DatasetWriter::Header& header,
                       const PackReport& blank)
    : report(blank),
      writer_(path, header),
      packer_(header.sequence_len, [this](const auto& documents) { writer_.add_row(documents); }) {
  report.output = path;
}

void PackOutput::take(EncodedRecord record, int32_t source, int64_t number, const char* reason,
                      const std::string& topic) {
  ++report.records_in;
  ++report.sources[static_cast<size_t>(source)].num_records;
  report.tokens_in += record.num_tokens;
  report.tokens_supervised_in += record.num_supervised;
  report.tokens_straddling += record.num_straddling;
  report.longest_record_tokens = std::max(report.longest_record_tokens, record.num_tokens);
  if (record.num_tokens > report.sequence_len) ++report.records_over_length;
  if (!reason) reason = record.dropped;
  if (reason) {
    ++report.records_dropped[reason];
    report.tokens_lost_dropped += record.num_tokens;
    writer_.add_dropped(source, number, reason);
    return;
  }
  ++report.records_packed;
  if (record.num_lost_tokens > 0) ++report.records_truncated;
  if (record.documents.size() > 1) ++report.records_split;
  report.tokens_lost_truncated += record.num_lost_tokens;
  const int32_t topic_number = topic.empty() ? -1 : topics_.number_of(topic);
  int32_t piece = 0;
  for (EncodedDocument& document : record.documents) {
    const int64_t num_supervised = count_supervised(document.supervised);
    report.tokens_supervised += num_supervised;
    report.tokens_context += static_cast<int64_t>(document.tokens.size()) - num_supervised;
    packer_.add({std::move(document.tokens), std::move(document.supervised), source, number,
                 piece++, topic_number});
  }
}

void PackOutput::finish_packing() {
  packer_.finish();
  report.num_rows = writer_.num_rows();
  report.num_documents = writer_.num_documents();
  report.tokens_padding = report.num_rows * report.sequence_len - writer_.num_tokens();
}

void PackOutput::write(const std::string& sources_json, const std::string& settings_json) {
  check_account();
  OrderedJson statistics = report.statistics();
  if (!topics_.empty()) statistics["topics"] = topics_.to_json();
  report.content_hash = writer_.finish(sources_json, settings_json, statistics.dump());
}

void PackOutput::check_account() const {
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
  TEMPER_CHECK(in_rows == writer_.num_tokens() && report.tokens_supervised == writer_.num_targets(),
               "{} tokens, {} of them supervised; written {} and {}", in_rows,
               report.tokens_supervised, writer_.num_tokens(), writer_.num_targets());
  TEMPER_CHECK(in_rows + report.tokens_padding == report.num_rows * report.sequence_len);
}

}  // namespace temper

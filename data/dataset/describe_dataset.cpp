#include "data/dataset/describe_dataset.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/terminal_text.h"

namespace temper {
namespace {

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kPlain = "\x1b[0m";

// Documents by length: at most 16, 32, 64, ... tokens.
struct LengthHistogram {
  std::vector<std::pair<int64_t, int64_t>> counts;  // (longest length of the class, documents)

  void add(int64_t length) {
    if (counts.empty()) counts.emplace_back(16, 0);
    while (counts.back().first < length) counts.emplace_back(2 * counts.back().first, 0);
    const auto place = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& entry) { return length <= entry.first; });
    ++place->second;
  }
};

LengthHistogram length_histogram(const PackedDataset& dataset) {
  LengthHistogram histogram;
  constexpr int64_t kAtOnce = 65536;
  for (int64_t begin = 0; begin < dataset.info().num_documents; begin += kAtOnce) {
    for (const DocumentOrigin& origin : dataset.documents(begin, kAtOnce)) {
      histogram.add(origin.length);
    }
  }
  return histogram;
}

std::vector<int64_t> rows_to_show(const PackedDataset& dataset, const DescribeOptions& options) {
  const int64_t num_rows = dataset.info().num_rows;
  const int64_t num_samples = std::clamp<int64_t>(options.num_samples, 0, num_rows);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < num_samples; ++i) rows.push_back(i * num_rows / num_samples);
  for (const int64_t row : options.rows) {
    if (row < 0 || row >= num_rows) {
      throw UserError("{}: row {}: there are rows 0 to {}", dataset.path().native(), row,
                      num_rows - 1);
    }
    rows.push_back(row);
  }
  return rows;
}

// "in 5, packed 4, dropped: too long 1" of a part of the account.
std::string counts_text(const OrderedJson& counts) {
  std::string text;
  for (const auto& [key, value] : counts.items()) {
    if (value.is_object() && value.empty()) continue;
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', ' ');
    text += text.empty() ? "" : ", ";
    text += value.is_object() ? fmt::format("{}: {}", name, counts_text(value))
                              : fmt::format("{} {}", name, value.dump());
  }
  return text;
}

// What hygiene found: how many records of each kind.
std::string hygiene_text(const OrderedJson& hygiene) {
  OrderedJson counts = OrderedJson::object();
  for (const auto& [key, value] : hygiene.items()) {
    if (value.is_object() && value.contains("records")) counts[key] = value["records"];
  }
  return counts_text(counts);
}

// Without the topics, of which files of format version 1 list one for every record.
OrderedJson account_of(const DatasetTexts& texts, const std::string& place) {
  OrderedJson account = parse_ordered_json(texts.statistics, place);
  if (account.is_object()) account.erase("topics");
  return account;
}

struct Document {
  DocumentOrigin origin;
  std::span<const int32_t> tokens;
  std::span<const uint8_t> supervised;

  // Ranges [begin, end) of equal supervision, in order.
  std::vector<std::pair<size_t, size_t>> runs() const {
    std::vector<std::pair<size_t, size_t>> runs;
    for (size_t t = 0; t < tokens.size(); ++t) {
      if (t == 0 || supervised[t] != supervised[t - 1]) runs.emplace_back(t, t);
      runs.back().second = t + 1;
    }
    return runs;
  }
};

std::vector<Document> documents_of(const PackedRow& row,
                                   const std::vector<DocumentOrigin>& origins) {
  std::vector<Document> documents;
  for (size_t d = 0; d < origins.size(); ++d) {
    const auto begin = static_cast<size_t>(row.document_begin[d]);
    const auto length = static_cast<size_t>(origins[d].length);
    documents.push_back({origins[d], std::span(row.tokens).subspan(begin, length),
                         std::span(row.supervised).subspan(begin, length)});
  }
  return documents;
}

std::string ids_as_text(std::span<const int32_t> ids) {
  std::string text;
  for (const int32_t id : ids) text += fmt::format("{} ", id);
  return text;
}

// Decoded piece by piece but as one text, so that the pieces join as the whole would.
std::string marked_text(const Document& document, const Tokenizer* tokenizer, bool colour) {
  std::string text;
  size_t num_decoded = 0;
  for (const auto& [begin, end] : document.runs()) {
    std::string part;
    if (tokenizer) {
      const std::string until_end = tokenizer->decode(document.tokens.first(end));
      part = until_end.substr(std::min(num_decoded, until_end.size()));
      num_decoded = until_end.size();
    } else {
      part = ids_as_text(document.tokens.subspan(begin, end - begin));
    }
    const bool supervised = document.supervised[begin] != 0;
    if (supervised) text += colour ? kGreen : "⟦";
    text += terminal_text(part);
    if (supervised) text += colour ? kPlain : "⟧";
  }
  return text;
}

void check_tokenizer(const PackedDataset& dataset, const Tokenizer* tokenizer) {
  if (tokenizer && tokenizer->hash() != dataset.info().tokenizer_hash) {
    throw UserError("{}: packed with another tokenizer than the one given (hash {}, given {})",
                    dataset.path().native(), dataset.info().tokenizer_hash.hex(),
                    tokenizer->hash().hex());
  }
}

std::string source_name(const OrderedJson& sources, int32_t source) {
  const auto index = static_cast<size_t>(source);
  if (!sources.is_array() || index >= sources.size()) return fmt::format("source {}", source);
  const OrderedJson& entry = sources[index];
  return entry.is_object() && entry.contains("name") && entry["name"].is_string()
             ? entry["name"].get<std::string>()
             : fmt::format("source {}", source);
}

void append_sample(std::string& text, const PackedDataset& dataset, const OrderedJson& sources,
                   const Tokenizer* tokenizer, int64_t index, bool colour) {
  const PackedRow row = dataset.row(index);
  text += fmt::format("\nrow {}: {} supervised targets\n", index, row.num_targets);
  int32_t filled = 0;
  for (const Document& document : documents_of(row, dataset.origins(index))) {
    const DocumentOrigin& origin = document.origin;
    text += fmt::format("--- {}:{}{}, {} tokens\n",
                        terminal_text(source_name(sources, origin.source)), origin.record,
                        origin.piece > 0 ? fmt::format(" piece {}", origin.piece + 1) : "",
                        origin.length);
    text += marked_text(document, tokenizer, colour) + "\n";
    filled += origin.length;
  }
  const int64_t padding = dataset.info().sequence_len - filled;
  if (padding > 0) text += fmt::format("--- padding, {} tokens\n", padding);
}

OrderedJson sample_json(const PackedDataset& dataset, const Tokenizer* tokenizer, int64_t index) {
  const PackedRow row = dataset.row(index);
  OrderedJson documents = OrderedJson::array();
  for (const Document& document : documents_of(row, dataset.origins(index))) {
    OrderedJson supervised = OrderedJson::array();
    for (const auto& [begin, end] : document.runs()) {
      if (document.supervised[begin]) supervised.push_back(OrderedJson::array({begin, end}));
    }
    OrderedJson entry = {
        {"source", document.origin.source},
        {"record", document.origin.record},
        {"piece", document.origin.piece},
        {"tokens", std::vector<int32_t>(document.tokens.begin(), document.tokens.end())},
        {"supervised", supervised}};
    if (tokenizer) entry["text"] = tokenizer->decode(document.tokens);
    documents.push_back(std::move(entry));
  }
  return {{"row", index}, {"targets", row.num_targets}, {"documents", documents}};
}

std::string bar(int64_t count, int64_t largest) {
  constexpr int64_t kWidth = 40;
  return std::string(static_cast<size_t>((count * kWidth + largest - 1) / largest), '#');
}

}  // namespace

std::string describe_dataset(const PackedDataset& dataset, const Tokenizer* tokenizer,
                             const DescribeOptions& options) {
  check_tokenizer(dataset, tokenizer);
  const DatasetInfo& info = dataset.info();
  const int64_t num_positions = info.num_rows * info.sequence_len;
  const auto percent = [](int64_t part, int64_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  std::string text = fmt::format("{}: packed dataset, format version {}\n", dataset.path().native(),
                                 info.format_version);
  const auto line = [&text](const char* label, const std::string& value) {
    text += fmt::format("  {:<16}{}\n", label, value);
  };
  line("rows", fmt::format("{} of {} tokens", info.num_rows, info.sequence_len));
  line("documents", fmt::format("{}", info.num_documents));
  line("tokens", fmt::format("{} ({:.2f}% of the rows; the rest is padding)", info.num_tokens,
                             percent(info.num_tokens, num_positions)));
  line("supervised", fmt::format("{} ({:.1f}% of the tokens)", info.num_supervised_targets,
                                 percent(info.num_supervised_targets, info.num_tokens)));
  line("chat template", info.chat_template);
  line("vocabulary", fmt::format("{} tokens, hash {}", info.vocab_size, info.tokenizer_hash.hex()));
  line("content hash", info.content_hash.hex());
  const std::string place = dataset.path().native();
  const DatasetTexts texts = dataset.texts();
  const OrderedJson sources = parse_ordered_json(texts.sources, place);
  for (const OrderedJson& source : sources) line("source", counts_text(source));
  if (info.num_shards > 1) line("shards", fmt::format("{}", info.num_shards));
  line("settings", counts_text(parse_ordered_json(texts.settings, place)));
  const OrderedJson statistics = parse_ordered_json(texts.statistics, place);
  for (const char* part : {"records", "tokens"}) {
    if (statistics.contains(part)) {
      line(fmt::format("{} account", part).c_str(), counts_text(statistics[part]));
    }
  }
  if (statistics.contains("hygiene")) line("hygiene", hygiene_text(statistics["hygiene"]));
  if (options.verify) {
    dataset.verify();
    line("integrity", "every row is what was written");
  }
  text += "  document lengths\n";
  const LengthHistogram histogram = length_histogram(dataset);
  int64_t largest = 1;
  for (const auto& [length, count] : histogram.counts) largest = std::max(largest, count);
  for (const auto& [length, count] : histogram.counts) {
    text += fmt::format("    to {:>8} {:>10} {}\n", length, count, bar(count, largest));
  }
  text = terminal_text(text);  // and so is every part of the samples but the colours
  for (const int64_t row : rows_to_show(dataset, options)) {
    append_sample(text, dataset, sources, tokenizer, row, options.colour);
  }
  return text;
}

OrderedJson describe_dataset_json(const PackedDataset& dataset, const Tokenizer* tokenizer,
                                  const DescribeOptions& options) {
  check_tokenizer(dataset, tokenizer);
  const DatasetInfo& info = dataset.info();
  const std::string place = dataset.path().native();
  const DatasetTexts texts = dataset.texts();
  if (options.verify) dataset.verify();
  OrderedJson lengths = OrderedJson::array();
  for (const auto& [length, count] : length_histogram(dataset).counts) {
    lengths.push_back({{"to", length}, {"documents", count}});
  }
  OrderedJson json = {{"kind", "dataset"},
                      {"path", place},
                      {"format_version", info.format_version},
                      {"rows", info.num_rows},
                      {"sequence_len", info.sequence_len},
                      {"documents", info.num_documents},
                      {"tokens", info.num_tokens},
                      {"supervised_targets", info.num_supervised_targets},
                      {"dropped_records", info.num_dropped},
                      {"shards", info.num_shards},
                      {"chat_template", info.chat_template},
                      {"chat_template_hash", info.chat_template_hash.hex()},
                      {"vocab_size", info.vocab_size},
                      {"pad_token", info.pad_token},
                      {"tokenizer_hash", info.tokenizer_hash.hex()},
                      {"content_hash", info.content_hash.hex()},
                      {"sources", parse_ordered_json(texts.sources, place)},
                      {"settings", parse_ordered_json(texts.settings, place)},
                      {"statistics", account_of(texts, place)},
                      {"document_lengths", lengths}};
  if (options.verify) json["verified"] = true;
  if (options.num_samples > 0 || !options.rows.empty()) {
    OrderedJson samples = OrderedJson::array();
    for (const int64_t row : rows_to_show(dataset, options)) {
      samples.push_back(sample_json(dataset, tokenizer, row));
    }
    json["samples"] = samples;
  }
  return json;
}

}  // namespace temper

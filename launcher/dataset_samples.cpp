#include "launcher/dataset_samples.h"

#include <algorithm>
#include <span>
#include <vector>

#include "common/error.h"

namespace temper {
namespace {

// The document's text, cut where supervision begins or ends.
OrderedJson document_parts(const PackedRow& row, int32_t begin, int32_t end,
                           const Tokenizer& tokenizer) {
  OrderedJson parts = OrderedJson::array();
  for (int32_t from = begin; from < end;) {
    const uint8_t supervised = row.supervised[static_cast<size_t>(from)];
    int32_t to = from;
    while (to < end && row.supervised[static_cast<size_t>(to)] == supervised) ++to;
    const std::span<const int32_t> tokens(row.tokens);
    parts.push_back({{"supervised", supervised != 0},
                     {"text", tokenizer.decode(tokens.subspan(static_cast<size_t>(from),
                                                              static_cast<size_t>(to - from)))}});
    from = to;
  }
  return parts;
}

OrderedJson row_sample(const PackedDataset& dataset, const Tokenizer& tokenizer,
                       const OrderedJson& sources, int64_t index) {
  const PackedRow row = dataset.row(index);
  const std::vector<DocumentOrigin> origins = dataset.origins(index);
  OrderedJson documents = OrderedJson::array();
  for (size_t d = 0; d < origins.size(); ++d) {
    const auto source = static_cast<size_t>(origins[d].source);
    OrderedJson document = {
        {"source", source < sources.size() ? sources[source].value("name", "") : std::string()},
        {"record", origins[d].record},
        {"tokens", origins[d].length}};
    document["parts"] =
        document_parts(row, row.document_begin[d], row.document_begin[d + 1], tokenizer);
    documents.push_back(std::move(document));
  }
  return {{"row", index}, {"targets", row.num_targets}, {"documents", documents}};
}

}  // namespace

OrderedJson sample_rows(const PackedDataset& dataset, const Tokenizer& tokenizer,
                        int64_t num_rows) {
  const DatasetInfo& info = dataset.info();
  if (tokenizer.hash() != info.tokenizer_hash) {
    throw UserError("{} was packed with another tokenizer (hash {}, given {})",
                    dataset.path().string(), info.tokenizer_hash.hex(), tokenizer.hash().hex());
  }
  const OrderedJson sources = parse_ordered_json(info.sources_json, dataset.path().string());
  OrderedJson samples = OrderedJson::array();
  for (int64_t index = 0; index < std::min(num_rows, info.num_rows); ++index) {
    samples.push_back(row_sample(dataset, tokenizer, sources, index));
  }
  return samples;
}

std::string samples_text(const OrderedJson& samples, bool coloured) {
  const char* open = coloured ? "\033[32m" : "[[";
  const char* close = coloured ? "\033[0m" : "]]";
  std::string text;
  for (const OrderedJson& sample : samples) {
    text += fmt::format("\n--- row {}: {} supervised targets\n", sample["row"].get<int64_t>(),
                        sample["targets"].get<int64_t>());
    for (const OrderedJson& document : sample["documents"]) {
      text += fmt::format("\n- record {}, {} tokens\n", document["record"].get<int64_t>(),
                          document["tokens"].get<int64_t>());
      for (const OrderedJson& part : document["parts"]) {
        const std::string words = part["text"].get<std::string>();
        text += part["supervised"].get<bool>() ? open + words + close : words;
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace temper

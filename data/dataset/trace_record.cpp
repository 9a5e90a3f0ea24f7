#include "data/dataset/trace_record.h"

#include <algorithm>
#include <charconv>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

constexpr int64_t kAtOnce = 65536;

bool fits(const std::string& name, const std::string& wanted) {
  if (name == wanted) return true;
  return name.size() > wanted.size() && name[name.size() - wanted.size() - 1] == '/' &&
         name.compare(name.size() - wanted.size(), wanted.size(), wanted) == 0;
}

// Tells of each source whether its name fits the file in which the record is looked for.
std::vector<bool> fitting_sources(const Json& sources, const std::string& place,
                                  const RecordName& record, std::vector<std::string>& names) {
  std::vector<bool> fitting;
  for (const Json& source : sources) {
    const std::string name = JsonFields(source, place).text_or("name", "");
    fitting.push_back(fits(name, record.source));
    if (fitting.back()) names.push_back(name);
  }
  return fitting;
}

}  // namespace

RecordName RecordName::from_text(const std::string& text) {
  const size_t colon = text.rfind(':');
  RecordName record;
  if (colon != text.npos && colon > 0) {
    record.source = text.substr(0, colon);
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, record.number);
    if (parsed.ec == std::errc() && parsed.ptr == end && record.number > 0) return record;
  }
  throw UserError("{}: a record is named FILE:NUMBER, as in train.jsonl:17", text);
}

RecordTrace trace_record(const PackedDataset& dataset, const RecordName& record) {
  RecordTrace trace;
  const std::string& place = dataset.path().native();
  const DatasetTexts texts = dataset.texts();
  const std::vector<bool> fitting =
      fitting_sources(parse_json(texts.sources, place), place, record, trace.sources);
  if (trace.sources.empty()) return trace;
  const auto is_it = [&](int32_t source, int64_t number) {
    return number == record.number && source >= 0 && static_cast<size_t>(source) < fitting.size() &&
           fitting[static_cast<size_t>(source)];
  };
  for (int64_t begin = 0; begin < dataset.info().num_documents; begin += kAtOnce) {
    int64_t document = begin;
    for (const DocumentOrigin& origin : dataset.documents(begin, kAtOnce)) {
      if (is_it(origin.source, origin.record))
        trace.rows.push_back(dataset.row_of_document(document));
      ++document;
    }
  }
  std::sort(trace.rows.begin(), trace.rows.end());
  trace.rows.erase(std::unique(trace.rows.begin(), trace.rows.end()), trace.rows.end());
  const Json reasons = parse_json(texts.drop_reasons, place);
  for (int64_t begin = 0; begin < dataset.info().num_dropped; begin += kAtOnce) {
    for (const DroppedRecord& dropped : dataset.dropped(begin, kAtOnce)) {
      const auto reason = static_cast<size_t>(dropped.reason);
      if (!is_it(dropped.source, dropped.record) || reason >= reasons.size()) continue;
      if (reasons[reason].is_string()) trace.drop_reasons.push_back(reasons[reason]);
    }
  }
  return trace;
}

}  // namespace temper

#include "data/dataset/merge_statistics.h"

#include <algorithm>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

void add_counts(OrderedJson& sum, const OrderedJson& part, int depth = 0) {
  if (depth > 8) return;
  for (const auto& [key, value] : part.items()) {
    if (!sum.contains(key)) {
      sum[key] = value;
    } else if (value.is_object() && sum[key].is_object()) {
      add_counts(sum[key], value, depth + 1);
    } else if (value.is_number_integer() && sum[key].is_number_integer()) {
      const auto a = sum[key].get<int64_t>(), b = value.get<int64_t>();
      sum[key] = key == "longest_tokens" ? std::max(a, b) : a + b;
    }
  }
}

double share(const OrderedJson& tokens, const char* part, const char* whole) {
  const double all = tokens.value(whole, 0.0);
  return all > 0 ? tokens.value(part, 0.0) / all : 0.0;
}

}  // namespace

std::string merge_statistics(const std::vector<std::string>& statistics, const std::string& place) {
  OrderedJson sum = OrderedJson::object();
  for (const std::string& text : statistics) {
    const OrderedJson part = parse_ordered_json(text, place);
    if (part.is_object()) add_counts(sum, part);
  }
  if (sum.contains("tokens") && sum["tokens"].is_object()) {
    const OrderedJson& tokens = sum["tokens"];
    const double used = tokens.value("supervised", 0.0) + tokens.value("context", 0.0);
    const double all = used + tokens.value("padding", 0.0);
    sum["useful_token_ratio"] = all > 0 ? used / all : 0.0;
    sum["supervised_kept_share"] = share(tokens, "supervised", "supervised_in");
  }
  return sum.dump();
}

std::string merge_sources(const std::vector<std::string>& sources, const std::string& place) {
  OrderedJson sum = parse_ordered_json(sources.front(), place);
  for (size_t i = 1; i < sources.size(); ++i) {
    const OrderedJson part = parse_ordered_json(sources[i], place);
    if (!sum.is_array() || !part.is_array() || part.size() != sum.size()) {
      throw UserError("{}: its shards are not of the same files", place);
    }
    for (size_t j = 0; j < part.size(); ++j) {
      if (sum[j].is_object() && part[j].is_object()) add_counts(sum[j], part[j]);
    }
  }
  return sum.dump();
}

}  // namespace temper

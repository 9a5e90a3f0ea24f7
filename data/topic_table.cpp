#include "data/topic_table.h"

#include <algorithm>

#include "common/error.h"

namespace temper {

TopicTable TopicTable::of(const PackedDataset& dataset) {
  return dataset.info().num_shards > 1 ? TopicTable() : TopicTable(dataset.texts().statistics);
}

TopicTable::TopicTable(const std::string& statistics_json) {
  const Json statistics = parse_json(statistics_json, "statistics");
  const auto topics = statistics.find("topics");
  if (topics == statistics.end()) return;
  try {
    names_ = topics->at("names").get<std::vector<std::string>>();
    by_source_ = topics->at("records").get<std::vector<std::vector<int32_t>>>();
  } catch (const Json::exception&) {
    throw UserError("the dataset's topics are damaged: pack the corpus again");
  }
  for (const auto& records : by_source_) {
    for (const int32_t topic : records) {
      if (topic < -1 || topic >= static_cast<int64_t>(names_.size())) {
        throw UserError("the dataset's topics are damaged: number {} of {}", topic, names_.size());
      }
    }
  }
}

void TopicTable::add(int32_t source, int64_t record, const std::string& topic) {
  const auto found = std::find(names_.begin(), names_.end(), topic);
  const auto index = static_cast<int32_t>(found - names_.begin());
  if (found == names_.end()) {
    if (names_.size() == kMaxTopics) {
      throw UserError("--topic: the key has more than {} values; choose one with fewer",
                      kMaxTopics);
    }
    names_.push_back(topic);
  }
  const auto place = static_cast<size_t>(source), number = static_cast<size_t>(record - 1);
  if (by_source_.size() <= place) by_source_.resize(place + 1);
  if (by_source_[place].size() <= number) by_source_[place].resize(number + 1, -1);
  by_source_[place][number] = index;
}

int64_t TopicTable::topic_of(int32_t source, int64_t record) const {
  const auto place = static_cast<size_t>(source), number = static_cast<size_t>(record - 1);
  if (place >= by_source_.size() || number >= by_source_[place].size()) return -1;
  return by_source_[place][number];
}

OrderedJson TopicTable::to_json() const {
  return {{"names", names_}, {"records", by_source_}};
}

}  // namespace temper

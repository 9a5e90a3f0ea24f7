#include "data/packing/topic_table.h"

#include <algorithm>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kMaxTopicBytes = 1000;

}  // namespace

TopicTable TopicTable::of(const PackedDataset& dataset) {
  return dataset.info().num_shards > 1 ? TopicTable() : TopicTable(dataset.texts().statistics);
}

TopicTable::TopicTable(const std::string& statistics_json) {
  const Json statistics = parse_json(statistics_json, "statistics");
  const auto topics = statistics.find("topics");
  if (topics == statistics.end()) return;
  try {
    names_ = topics->at("names").get<std::vector<std::string>>();
    by_source_ = topics->value("records", by_source_);
  } catch (const Json::exception&) {
    throw UserError("the dataset's topics are damaged: pack the corpus again");
  }
}

int32_t TopicTable::number_of(const std::string& topic) {
  const auto found = std::find(names_.begin(), names_.end(), topic);
  if (found != names_.end()) return static_cast<int32_t>(found - names_.begin());
  if (names_.size() == kMaxTopics) {
    throw UserError("--topic: the key has more than {} values; choose one with fewer", kMaxTopics);
  }
  if (topic.size() > kMaxTopicBytes) {
    throw UserError("--topic: the key has a value of {} bytes; a topic has at most {}",
                    topic.size(), kMaxTopicBytes);
  }
  names_.push_back(topic);
  return static_cast<int32_t>(names_.size()) - 1;
}

int64_t TopicTable::topic_of(const DocumentOrigin& document) const {
  const auto source = static_cast<size_t>(document.source);
  const auto record = static_cast<size_t>(document.record - 1);
  int64_t topic = document.topic;
  if (source < by_source_.size() && record < by_source_[source].size()) {
    topic = by_source_[source][record];
  }
  if (topic < -1 || topic >= std::ssize(names_)) {
    throw UserError("the dataset's topics are damaged: number {} of {}", topic, names_.size());
  }
  return topic;
}

OrderedJson TopicTable::to_json() const {
  return {{"names", names_}};
}

}  // namespace temper

// Which topic each record of a dataset has: the value of the key that `temper pack --topic` named.
// Kept in the dataset's account (docs/formats/dataset.md), for figures by topic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/packed_dataset.h"
#include "io/json.h"

namespace temper {

inline constexpr size_t kMaxTopics = 256;

class TopicTable {
 public:
  TopicTable() = default;
  // Of a dataset's account (DatasetTexts::statistics); empty when it was packed without topics.
  // UserError when the account is not what `temper pack` writes.
  explicit TopicTable(const std::string& statistics_json);
  // Of a dataset; empty for several shards, too.
  static TopicTable of(const PackedDataset& dataset);

  // `record` from 1. UserError for more than kMaxTopics topics.
  void add(int32_t source, int64_t record, const std::string& topic);

  bool empty() const { return names_.empty(); }
  const std::vector<std::string>& names() const { return names_; }
  // Index into names(), or -1.
  int64_t topic_of(int32_t source, int64_t record) const;

  // {names: [...], records: [[topic of record 1, of record 2, ...] of each source]}, -1: none.
  OrderedJson to_json() const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<int32_t>> by_source_;
};

}  // namespace temper

// The topics of a dataset's documents: the values of the key that `temper pack --topic` named, for
// figures by topic. The names stand in the dataset's account, each document has the number of one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset/packed_dataset.h"
#include "io/json.h"

namespace temper {

class TopicTable {
 public:
  TopicTable() = default;
  // Reads a dataset's account (DatasetTexts::statistics); the table is empty when it was packed
  // without topics. UserError when the account is not what `temper pack` writes.
  explicit TopicTable(const std::string& statistics_json);
  // The table of a dataset; empty for several shards, too.
  static TopicTable of(const PackedDataset& dataset);

  // The number of a topic, which may be new. UserError for more than kMaxTopics topics, and for one
  // that is too long to be one.
  int32_t number_of(const std::string& topic);

  bool empty() const { return names_.empty(); }
  const std::vector<std::string>& names() const { return names_; }
  // Index into names(), or -1. UserError when the document has a number beyond them.
  int64_t topic_of(const DocumentOrigin& document) const;

  OrderedJson to_json() const;  // {names: [...]}

 private:
  std::vector<std::string> names_;
  // Files of format version 1 have the topics of all records in their account: of record 1, 2, ...
  // of each source.
  std::vector<std::vector<int32_t>> by_source_;
};

}  // namespace temper

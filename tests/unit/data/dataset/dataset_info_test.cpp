#include "data/dataset/dataset_info.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

// Each member differs from its default, so that one that is left behind is noticed.
TEST(DatasetInfo, every_member_reaches_the_other_ranks) {
  DatasetInfo info;
  int64_t value = 0;
  for (int64_t* member :
       {&info.format_version, &info.num_rows, &info.sequence_len, &info.num_documents,
        &info.num_dropped, &info.num_supervised_targets, &info.num_tokens, &info.vocab_size,
        &info.pad_token, &info.shard_index, &info.num_shards}) {
    *member = ++value + 10;
  }
  for (Hash128* hash :
       {&info.tokenizer_hash, &info.chat_template_hash, &info.settings_hash, &info.content_hash}) {
    *hash = hash_text(std::to_string(++value));
  }
  info.has_conversations = true;
  info.chat_template = "größe";
  info.chat_template_source = "{{ messages }}\n";
  info.chat_template_kwargs = R"({"b":1,"a":2})";
  const Json sent = Json::parse(dataset_info_to_json(info).dump());
  EXPECT_EQ(dataset_info_from_json(sent), info);
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_NE(sent[i], dataset_info_to_json(DatasetInfo())[i]) << "member " << i;
  }
}

}  // namespace
}  // namespace temper

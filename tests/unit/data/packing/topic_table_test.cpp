#include "data/packing/topic_table.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

DocumentOrigin document_of(int32_t source, int64_t record, int32_t topic = -1) {
  return {source, record, 0, 10, topic};
}

TEST(TopicTable, comes_back_from_the_account) {
  TopicTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.number_of("causes"), 0);
  EXPECT_EQ(table.number_of("treatment"), 1);
  EXPECT_EQ(table.number_of("causes"), 0);
  const TopicTable read(OrderedJson{{"topics", table.to_json()}}.dump());
  EXPECT_EQ(read.names(), (std::vector<std::string>{"causes", "treatment"}));
  EXPECT_EQ(read.topic_of(document_of(0, 3, 1)), 1);
  EXPECT_EQ(read.topic_of(document_of(1, 3)), -1);
  EXPECT_THROW(read.topic_of(document_of(0, 3, 2)), UserError);
}

// Each record of each file, in files of format version 1.
TEST(TopicTable, is_read_as_earlier_versions_wrote_it) {
  const TopicTable read(R"({"topics":{"names":["causes","treatment"],"records":[[1],[0,-1,0]]}})");
  EXPECT_EQ(read.topic_of(document_of(1, 3)), 0);
  EXPECT_EQ(read.topic_of(document_of(1, 2)), -1);
  EXPECT_EQ(read.topic_of(document_of(0, 1)), 1);
  EXPECT_EQ(read.topic_of(document_of(0, 2)), -1);
  EXPECT_EQ(read.topic_of(document_of(7, 1)), -1);
}

TEST(TopicTable, is_empty_without_topics_and_refuses_damage) {
  EXPECT_TRUE(TopicTable("{}").empty());
  for (const char* damaged :
       {R"({"topics":{"names":["a"],"records":[[1]]}})", R"({"topics":{"names":"a","records":[]}})",
        R"({"topics":{"names":["a"],"records":[["x"]]}})", R"({"topics":[]})"}) {
    EXPECT_THROW(TopicTable(damaged).topic_of(document_of(0, 1)), UserError) << damaged;
  }
}

TEST(TopicTable, refuses_a_key_that_is_no_topic) {
  TopicTable table;
  for (int64_t i = 1; i <= 256; ++i) table.number_of(std::to_string(i));
  EXPECT_THROW(table.number_of("one more"), UserError);
  EXPECT_THROW(TopicTable().number_of(std::string(1001, 'x')), UserError);
}

}  // namespace
}  // namespace temper

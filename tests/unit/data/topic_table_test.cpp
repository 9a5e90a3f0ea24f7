#include "data/topic_table.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

TEST(TopicTable, comes_back_from_the_account) {
  TopicTable table;
  table.add(1, 3, "causes");
  table.add(0, 1, "treatment");
  table.add(1, 1, "causes");
  const TopicTable read(OrderedJson{{"topics", table.to_json()}}.dump());
  EXPECT_EQ(read.names(), (std::vector<std::string>{"causes", "treatment"}));
  EXPECT_EQ(read.topic_of(1, 3), 0);
  EXPECT_EQ(read.topic_of(1, 2), -1);
  EXPECT_EQ(read.topic_of(0, 1), 1);
  EXPECT_EQ(read.topic_of(0, 2), -1);
  EXPECT_EQ(read.topic_of(7, 1), -1);
}

TEST(TopicTable, is_empty_without_topics_and_refuses_damage) {
  EXPECT_TRUE(TopicTable("{}").empty());
  for (const char* damaged :
       {R"({"topics":{"names":["a"],"records":[[1]]}})", R"({"topics":{"names":"a","records":[]}})",
        R"({"topics":{"names":["a"],"records":[["x"]]}})", R"({"topics":[]})"}) {
    EXPECT_THROW(TopicTable{std::string(damaged)}, UserError) << damaged;
  }
}

TEST(TopicTable, refuses_a_key_that_is_no_topic) {
  TopicTable table;
  for (int64_t i = 1; i <= 256; ++i) table.add(0, i, std::to_string(i));
  EXPECT_THROW(table.add(0, 257, "one more"), UserError);
}

}  // namespace
}  // namespace temper

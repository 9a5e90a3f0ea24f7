#include "launcher/commands/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cli/commands.h"
#include "config/run_config.h"
#include "data/corpus/corpus_reader.h"
#include "text/chat/chat_template.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

TEST(CommandFunctions, each_command_of_the_table_has_one) {
  for (const CommandSpec& command : all_commands()) {
    EXPECT_NE(find_command_function(command.name), nullptr) << command.name;
  }
  EXPECT_EQ(find_command_function("trian"), nullptr);
}

// The table is below the rooms whose names it lists.
TEST(CommandFunctions, the_table_lists_what_the_rooms_know) {
  for (const char* command : {"pack", "check"}) {
    EXPECT_EQ(command_named(command).find_option("format")->choices, corpus_format_names());
  }
  const std::string pack = command_named("pack").find_option("chat-template")->text;
  for (const std::string& name : ChatTemplate::names()) {
    EXPECT_THAT(pack, HasSubstr(name));
    EXPECT_THAT(command_named("render").about, HasSubstr(name));
  }
  std::vector<std::string> launchers;
  for (const auto& [name, choice] : kLauncherChoices) launchers.emplace_back(name);
  EXPECT_EQ(command_named("train").find_option("launcher")->choices, launchers);
}

}  // namespace
}  // namespace temper

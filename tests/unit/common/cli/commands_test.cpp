#include "common/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/cli/command_reference.h"
#include "common/cli/completion.h"
#include "common/cli/help_text.h"
#include "common/cli/man_page.h"
#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Commands, each_is_complete) {
  std::set<std::string> seen;
  for (const CommandSpec& command : all_commands()) {
    EXPECT_TRUE(seen.insert(command.name).second) << command.name;
    EXPECT_THAT(command.usage, StartsWith("temper " + command.name));
    EXPECT_TRUE(command.about.ends_with('.') || command.about.find("\n  ") != std::string::npos)
        << command.name;
    EXPECT_FALSE(command.summary.ends_with('.')) << command.name;
    std::set<std::string> options = {"help"};
    std::set<char> letters = {'h'};
    for (const OptionSpec& option : command.options) {
      const std::string place = command.name + " --" + option.name;
      EXPECT_TRUE(options.insert(option.name).second) << place;
      EXPECT_TRUE(option.letter == '\0' || letters.insert(option.letter).second) << place;
      EXPECT_TRUE(option.text.ends_with('.')) << place;
      EXPECT_EQ(option.value.empty(), !option.takes_value()) << place;
    }
  }
}

// One word for one thing: an option has the same letter, kind and choices wherever it stands.
TEST(Commands, an_option_is_the_same_everywhere) {
  std::map<std::string, const OptionSpec*> known;
  for (const CommandSpec& command : all_commands()) {
    for (const OptionSpec& option : command.options) {
      const auto [first, is_new] = known.emplace(option.name, &option);
      const std::string place = command.name + " --" + option.name;
      // `temper status -f` follows with a letter of its own.
      if (option.name == "follow") continue;
      EXPECT_EQ(first->second->letter, option.letter) << place;
      EXPECT_EQ(first->second->choices, option.choices) << place;
    }
  }
}

TEST(Commands, everyday_ones_come_first) {
  std::vector<std::string> everyday;
  for (const CommandSpec& command : all_commands()) {
    if (command.group == CommandGroup::kEveryDay) everyday.push_back(command.name);
  }
  EXPECT_EQ(everyday, (std::vector<std::string>{"pack", "train", "status", "eval", "export"}));
  EXPECT_EQ(all_commands().front().name, "pack");
}

TEST(Commands, an_unknown_one_has_its_nearest_named) {
  const auto error_of = [](const auto& find, const char* name) {
    try {
      find(name);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error_of(command_named, "trian"), names("\"trian\"", "\"train\"", "temper --help"));
  EXPECT_THAT(error_of(rank_command_named, "trian"),
              names("\"trian\"", "\"train\"", "temper-rank --help"));
  EXPECT_THAT(error_of(rank_command_named, "pack"), names("\"pack\""));
}

// Whatever is made of the table has every command and option.
TEST(Commands, nothing_is_missing_anywhere) {
  const std::string everything[] = {command_reference(all_commands()),
                                    bash_completion(all_commands()), zsh_completion(all_commands()),
                                    fish_completion(all_commands())};
  const std::string overview = general_help(all_commands());
  const std::string manual = man_page(all_commands(), "1.0");
  for (const CommandSpec& command : all_commands()) {
    EXPECT_THAT(overview, HasSubstr("\n  " + command.name + " "));
    EXPECT_THAT(help_text(command), StartsWith("Usage: temper " + command.name));
    for (const std::string& text : everything) EXPECT_THAT(text, HasSubstr(command.name));
    for (const OptionSpec& option : command.options) {
      const std::string place = command.name + " --" + option.name;
      EXPECT_THAT(help_text(command), HasSubstr("--" + option.name)) << place;
      EXPECT_THAT(command_reference(command), HasSubstr("--" + option.name)) << place;
      for (const std::string& text : everything) {
        EXPECT_THAT(text, HasSubstr(option.name)) << place;
      }
    }
  }
  EXPECT_THAT(manual, HasSubstr(".TH TEMPER 1"));
}

TEST(Commands, man_pages_are_escaped) {
  for (const CommandSpec& command : all_commands()) {
    const std::string page = man_page(command, "1.0");
    EXPECT_THAT(page, StartsWith(".TH \"temper-" + command.name + "\" 1 "));
    EXPECT_THAT(page, Not(HasSubstr(" --"))) << command.name;
  }
}

TEST(Commands, temper_rank_does_not_show_what_it_does_not_know) {
  const CommandSpec& train = command_named("train");
  EXPECT_THAT(help_text(train), HasSubstr("--hostfile"));
  EXPECT_THAT(rank_help_text(train), StartsWith("Usage: temper-rank train RUN.yaml [options]\n"));
  EXPECT_THAT(rank_help_text(train), Not(HasSubstr("--hostfile FILE")));
}

}  // namespace
}  // namespace temper

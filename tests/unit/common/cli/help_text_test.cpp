#include "common/cli/help_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/cli/commands.h"

namespace temper {
namespace {

TEST(HelpText, wraps_at_words) {
  EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(wrapped("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrapped("extraordinary word", 5), "extraordinary\nword");
}

TEST(HelpText, keeps_paragraphs_and_indented_lines) {
  EXPECT_EQ(wrapped("one\ntwo\n\nthree", 40), "one two\n\nthree");
  EXPECT_EQ(wrapped("one of\n  a    b\n  c\nor two", 40), "one of\n  a    b\n  c\nor two");
}

TEST(HelpText, an_option_says_its_choices_and_its_default) {
  const OptionSpec option =
      text_option("metal,m", "NAME", "Of what.").one_of({"iron", "steel"}).or_else("iron");
  EXPECT_EQ(option_heading(option), "-m, --metal NAME");
  EXPECT_EQ(option_sentences(option), "Of what. NAME is one of iron, steel. Default: iron.");
}

TEST(HelpText, lines_fit_a_terminal) {
  for (const CommandSpec& command : all_commands()) {
    std::istringstream lines(help_text(command));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line.size() <= 100 || line.starts_with("Usage: ")) << line;
      EXPECT_FALSE(line.ends_with(' ')) << command.name << ": " << line;
    }
  }
}

}  // namespace
}  // namespace temper

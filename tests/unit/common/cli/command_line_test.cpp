#include "common/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

const CommandSpec& forge() {
  static const CommandSpec kForge = {
      .name = "forge",
      .group = CommandGroup::kTools,
      .summary = "Make a blade",
      .usage = "temper forge INPUT... -o OUT",
      .about = "Makes a blade.",
      .arguments = {{"INPUT", 1, kAnyNumber}},
      .options = {text_option("output,o", "FILE", "Where to."),
                  integer_option("heat", "N", "Degrees.").or_else("20"),
                  number_option("bend", "X", "How much."), texts_option("stamp", "TEXT", "A mark."),
                  text_option("metal", "NAME", "Of what.").one_of({"iron", "steel"}),
                  flag("quench", "Cools it at once."),
                  integer_option("hammers", "N", "How many.").for_temper_alone()}};
  return kForge;
}

std::string error_of(const Arguments& arguments,
                     CommandLine::Program program = CommandLine::Program::kTemper) {
  CommandLine line(forge(), program);
  try {
    line.parse(arguments);
    line.get("output");
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(CommandLine, reads_options_and_bare_arguments) {
  CommandLine line(forge());
  ASSERT_TRUE(line.parse({"a", "-o", "out", "b", "--heat=700", "--stamp", "x", "--bend", "0.5",
                          "--quench", "--stamp=y", "--", "-c"}));
  EXPECT_THAT(line.texts("INPUT"), ElementsAre("a", "b", "-c"));
  EXPECT_EQ(line.get("output"), "out");
  EXPECT_EQ(line.find<int>("heat"), 700);
  EXPECT_EQ(line.get<double>("bend"), 0.5);
  EXPECT_THAT(line.texts("stamp"), ElementsAre("x", "y"));
  EXPECT_TRUE(line.has("quench"));
}

TEST(CommandLine, defaults_and_what_was_not_given) {
  CommandLine line(forge());
  ASSERT_TRUE(line.parse({"a"}));
  EXPECT_EQ(line.get<int64_t>("heat"), 20);
  EXPECT_FALSE(line.has("bend"));
  EXPECT_FALSE(line.has("quench"));
  EXPECT_EQ(line.find("metal"), std::nullopt);
}

TEST(CommandLine, an_empty_text_is_a_value) {
  CommandLine line(forge());
  ASSERT_TRUE(line.parse({"a", "-o", ""}));
  EXPECT_EQ(line.find("output"), "");
}

TEST(CommandLine, errors_name_the_command_and_the_value) {
  EXPECT_THAT(error_of({"a", "--cold"}), names("temper forge", "--cold"));
  EXPECT_THAT(error_of({"a", "--heat", "much"}), names("--heat", "much", "temper forge --help"));
  EXPECT_THAT(error_of({"a", "--heat", "3.5"}), names("--heat", "3.5"));
  EXPECT_THAT(error_of({"a"}), names("temper forge", "--output", "missing"));
  EXPECT_THAT(error_of({"-o", "x"}), names("INPUT", "missing"));
  EXPECT_THAT(error_of({"a", "-o"}), names("--output"));
  EXPECT_THAT(error_of({"a", "-o", "x", "-o", "y"}), names("--output", "twice"));
  EXPECT_THAT(error_of({"a", "-o", "x", "--metal", "stel"}), names("--metal", "stel", "\"steel\""));
}

TEST(CommandLine, the_nearest_option_is_named_and_no_abbreviation_taken) {
  EXPECT_THAT(error_of({"a", "--ouput", "x"}), names("--ouput", "\"output\""));
  EXPECT_THAT(error_of({"a", "--out", "x"}), names("--out"));
}

TEST(CommandLine, a_number_too_large_for_its_use_is_refused) {
  CommandLine line(forge());
  ASSERT_TRUE(line.parse({"a", "--heat", "3000000000"}));
  EXPECT_EQ(line.get<int64_t>("heat"), 3000000000);
  EXPECT_THROW(line.get<int>("heat"), UserError);
}

TEST(CommandLine, help_ends_it) {
  for (const char* word : {"-h", "--help"}) EXPECT_FALSE(CommandLine(forge()).parse({word}));
}

TEST(CommandLine, hands_on_what_is_temper_ranks) {
  CommandLine line(forge());
  ASSERT_TRUE(line.parse({"a", "--hammers", "3", "--stamp=x", "-o", "out", "--quench"}));
  EXPECT_THAT(line.rank_arguments(),
              ElementsAre("forge", "--stamp=x", "-o", "out", "--quench", "a"));
  EXPECT_THAT(error_of({"a", "--hammers", "3"}, CommandLine::Program::kTemperRank),
              names("temper-rank forge", "--hammers"));
  CommandLine odd(forge());
  ASSERT_TRUE(odd.parse({"--quench", "--", "-a"}));
  EXPECT_THAT(odd.rank_arguments(), ElementsAre("forge", "--quench", "--", "-a"));
}

}  // namespace
}  // namespace temper

#include "launcher/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixtures/names.h"

namespace temper {
namespace {

namespace po = boost::program_options;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandLine example() {
  CommandLine line("temper forge INPUT... -o OUT", "Makes a blade.");
  line.options()("output,o", po::value<std::string>(), "where")("heat", po::value<int>(),
                                                                "degrees");
  line.positional("INPUT", -1);
  return line;
}

std::string error_of(const Arguments& arguments) {
  CommandLine line = example();
  try {
    line.parse(arguments);
    line.get<std::string>("output");
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(CommandLine, reads_options_and_bare_arguments) {
  CommandLine line = example();
  ASSERT_TRUE(line.parse({"a", "-o", "out", "b", "--heat=700", "--", "-c"}));
  EXPECT_THAT(line.texts("INPUT"), ElementsAre("a", "b", "-c"));
  EXPECT_EQ(line.get<std::string>("output"), "out");
  EXPECT_EQ(line.find<int>("heat"), 700);
}

TEST(CommandLine, errors_name_the_command) {
  EXPECT_THAT(error_of({"--cold"}), names("temper forge", "'--cold'"));
  EXPECT_THAT(error_of({"--heat", "much"}), names("temper forge --help"));
  EXPECT_THAT(error_of({"a"}), names("temper forge", "--output", "missing"));
  // No guessing of abbreviations.
  EXPECT_THAT(error_of({"--out", "x"}), names("'--out'"));
}

TEST(CommandLine, help_ends_it) {
  CommandLine line = example();
  testing::internal::CaptureStdout();
  EXPECT_FALSE(line.parse({"-h"}));
  const std::string help = testing::internal::GetCapturedStdout();
  EXPECT_THAT(help, HasSubstr("Usage: temper forge INPUT... -o OUT\n\nMakes a blade."));
  EXPECT_THAT(help, HasSubstr("--heat"));
}

}  // namespace
}  // namespace temper

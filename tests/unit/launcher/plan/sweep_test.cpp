#include "launcher/plan/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

TEST(Sweep, keys_and_values_of_a_command_line) {
  const std::vector<SweepKey> keys = parse_sweep_keys({"learning_rate=1e-4,3e-4", "seed=1"});
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].key, "learning_rate");
  EXPECT_THAT(keys[0].values, ElementsAre("1e-4", "3e-4"));
  for (const char* wrong : {"", "key", "key=", "=1", "key=1,,2", "key=1,"}) {
    EXPECT_THROW(parse_sweep_keys({wrong}), UserError) << wrong;
  }
  EXPECT_THROW(parse_sweep_keys({"seed=1", "seed=2"}), UserError);
}

std::string value_of(const SweepRun& run, const std::string& key) {
  for (const ConfigOverride& entry : run.overrides) {
    if (entry.key == key) return entry.value;
  }
  return "none";
}

TEST(Sweep, every_combination_in_a_directory_of_its_own) {
  RunConfig config;
  config.output_dir = "/runs/sweep";
  config.sweep = {{"learning_rate", {"1e-4", "2e-4"}}, {"lora_r", {"8", "16"}}};
  const std::vector<SweepRun> runs = sweep_runs(config.sweep, config.output_dir);
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[0].name, "learning_rate=1e-4,lora_r=8");
  EXPECT_EQ(runs[1].name, "learning_rate=1e-4,lora_r=16");
  EXPECT_EQ(value_of(runs[3], "learning_rate"), "2e-4");
  EXPECT_EQ(value_of(runs[3], "output_dir"), "\"/runs/sweep/learning_rate=2e-4,lora_r=16\"");
  EXPECT_EQ(value_of(runs[3], "sweep"), "null");
  EXPECT_EQ(sweep_run(config, 2).name, "learning_rate=2e-4,lora_r=8");
  EXPECT_THROW(sweep_run(config, 4), UserError);
  EXPECT_THROW(sweep_run(config, -1), UserError);
}

TEST(Sweep, names_are_file_names_and_differ) {
  const std::vector<SweepRun> runs = sweep_runs({{"lr_scheduler", {"../../x", "..|..|x"}}}, "/s");
  EXPECT_EQ(runs[0].name, "lr_scheduler=.._.._x");
  EXPECT_EQ(runs[1].name, "lr_scheduler=.._.._x-1");
  EXPECT_TRUE(sweep_runs({}, "/s").empty());
}

}  // namespace
}  // namespace temper

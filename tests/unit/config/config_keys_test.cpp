#include "config/config_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/error.h"
#include "config/dataset_keys.h"
#include "config/foreign_keys.h"
#include "config/yaml_tree.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;

bool is_numeric(const KeyFacts& key) {
  return key.type == ValueType::kInteger || key.type == ValueType::kNumber;
}

// What reading "KEY: text" says; "fine" where it is accepted.
std::string outcome(const ConfigKey& key, const std::string& text) {
  RunConfig config;
  const YamlNode node = parse_yaml(text, "run.yaml");
  const std::filesystem::path here = "/";
  try {
    read_and_check(key, {node, key.name, here}, config);
  } catch (const UserError& error) {
    return error.what();
  }
  return "fine";
}

std::string shown(const KeyFacts& key, double number) {
  return key.type == ValueType::kInteger ? fmt::format("{}", static_cast<int64_t>(number))
                                         : fmt::format("{}", number);
}

// The nearest number on the other side of a bound.
double beyond(const KeyFacts& key, double bound, int side) {
  return bound + side * (key.type == ValueType::kInteger ? 1.0 : 0.001);
}

TEST(ConfigKeys, each_says_what_it_takes_and_means) {
  for (const ConfigKey& key : config_keys()) {
    EXPECT_THAT(key.meaning, EndsWith(".")) << key.name;
    EXPECT_NE(key.section, "") << key.name;
    EXPECT_NE(key.since, "") << key.name;
    if (is_numeric(key)) {
      EXPECT_TRUE(key.range.is_set()) << key.name;
    }
    EXPECT_EQ(key.type == ValueType::kChoice, !key.choices.empty()) << key.name;
  }
  for (const DatasetKey& key : dataset_keys()) EXPECT_THAT(key.meaning, EndsWith("."));
}

TEST(ConfigKeys, every_bound_is_checked_where_the_table_says) {
  int bounds = 0;
  for (const ConfigKey& key : config_keys()) {
    if (!is_numeric(key)) continue;
    const ValueRange& range = key.range;
    const auto refuses = [&](double number) {
      ++bounds;
      const std::string text = shown(key, number);
      EXPECT_THAT(outcome(key, text), names("run.yaml:1: " + key.name + " is ", text));
    };
    const auto accepts = [&](double number) {
      EXPECT_EQ(outcome(key, shown(key, number)), "fine") << key.name << ": " << number;
    };
    if (range.at_least) refuses(beyond(key, *range.at_least, -1));
    if (range.at_least) accepts(*range.at_least);
    if (range.above) refuses(*range.above);
    if (range.above) accepts(beyond(key, *range.above, 1));
    if (range.at_most) refuses(*range.at_most * 2);
    if (range.at_most) accepts(*range.at_most);
    if (range.below) refuses(*range.below);
    if (range.below) accepts(beyond(key, *range.below, -1));
    if (range.or_zero) accepts(0);
  }
  EXPECT_GT(bounds, 50);
}

TEST(ConfigKeys, an_unknown_choice_is_refused_and_a_known_one_read) {
  for (const ConfigKey& key : config_keys()) {
    if (key.type != ValueType::kChoice) continue;
    EXPECT_THAT(outcome(key, "sideways"), names("run.yaml:1: " + key.name, key.choices.front()));
    for (const std::string& choice : key.choices) {
      EXPECT_EQ(outcome(key, yaml_text(choice)), "fine") << key.name << ": " << choice;
    }
  }
}

TEST(ConfigKeys, defaults_read_back_as_what_they_are) {
  const RunConfig defaults;
  for (const ConfigKey& key : config_keys()) {
    // Where nothing is given these follow from other keys.
    if (key.is_required || !key.default_note.empty()) continue;
    EXPECT_EQ(outcome(key, key.write(defaults)), "fine") << key.name;
  }
}

TEST(ConfigKeys, aliases_lead_to_one_key_and_hide_none) {
  std::set<std::string> seen;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_EQ(canonical_key(key.name), key.name);
    EXPECT_EQ(foreign_key_advice(key.name), "") << key.name;
    for (const std::string& alias : key.aliases) {
      EXPECT_TRUE(seen.insert(alias).second) << alias;
      EXPECT_EQ(canonical_key(alias), key.name);
      EXPECT_EQ(find_config_key(alias), nullptr) << alias;
      EXPECT_EQ(foreign_key_advice(alias), "") << alias;
    }
  }
  for (const char* alias : {"lora_rank", "cutoff_len", "max_length", "model_name_or_path",
                            "per_device_train_batch_size", "num_train_epochs", "lr_scheduler_type",
                            "lora_target", "eval_dataset", "finetuning_type", "gradient_clipping",
                            "cosine_min_lr_ratio", "keep_last_n_checkpoints"}) {
    EXPECT_THAT(seen, Contains(alias));
  }
}

TEST(ConfigKeys, each_is_suggested_for_its_misspelling) {
  for (const ConfigKey& key : config_keys()) {
    const size_t dot = key.name.find('.');
    const std::string prefix = dot == key.name.npos ? "" : key.name.substr(0, dot + 1);
    EXPECT_THAT(config_key_names(prefix), Contains(key.name.substr(prefix.size())));
  }
}

}  // namespace
}  // namespace temper

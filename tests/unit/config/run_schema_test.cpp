#include "config/reference/run_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_keys.h"
#include "config/dataset_keys.h"

namespace temper {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const OrderedJson& schema() {
  static const OrderedJson kSchema = run_schema();
  return kSchema;
}

// The schema of a key, "slurm.time" among its group's.
OrderedJson property(const std::string& name) {
  const size_t dot = name.find('.');
  const OrderedJson& properties = schema().at("properties");
  if (dot == name.npos) return properties.value(name, OrderedJson());
  return properties.at(name.substr(0, dot))
      .at("properties")
      .value(name.substr(dot + 1), OrderedJson());
}

// Each part has known words only, and what it refers to is there.
void check_form(const OrderedJson& part, bool is_names = false) {
  static const std::vector<std::string> kWords = {"$schema",
                                                  "$ref",
                                                  "title",
                                                  "description",
                                                  "type",
                                                  "enum",
                                                  "const",
                                                  "default",
                                                  "minimum",
                                                  "maximum",
                                                  "pattern",
                                                  "items",
                                                  "minItems",
                                                  "minLength",
                                                  "required",
                                                  "properties",
                                                  "allOf",
                                                  "anyOf",
                                                  "definitions",
                                                  "propertyNames",
                                                  "exclusiveMinimum",
                                                  "exclusiveMaximum",
                                                  "additionalProperties"};
  for (const auto& [word, value] : part.items()) {
    if (!is_names) {
      EXPECT_THAT(kWords, Contains(word));
    }
    if (is_names || word == "items" || word == "propertyNames") check_form(value);
    if (!is_names && (word == "properties" || word == "definitions")) check_form(value, true);
    if (word == "allOf" || word == "anyOf") {
      ASSERT_TRUE(value.is_array());
      for (const OrderedJson& one : value) check_form(one);
    }
    if (word == "$ref") {
      const std::string target = value.get<std::string>();
      ASSERT_EQ(target.substr(0, 2), "#/") << "refers to another file";
      EXPECT_TRUE(schema().contains(OrderedJson::json_pointer(target.substr(1)))) << target;
    }
  }
}

TEST(RunSchema, is_well_formed) {
  check_form(schema());
  EXPECT_EQ(schema().at("additionalProperties"), false);
  EXPECT_EQ(schema().at("properties").at("slurm").at("additionalProperties"), false);
  EXPECT_EQ(schema().at("definitions").at("dataset").at("additionalProperties"), false);
}

TEST(RunSchema, lists_every_key_and_alias_and_nothing_else) {
  size_t names = 1;  // slurm
  for (const ConfigKey& key : config_keys()) {
    const OrderedJson found = property(key.name);
    ASSERT_FALSE(found.is_null()) << key.name;
    EXPECT_THAT(found.at("description").get<std::string>(), HasSubstr(key.meaning));
    EXPECT_THAT(found.at("description").get<std::string>(), HasSubstr(key.default_note));
    names += key.name.find('.') == key.name.npos ? 1 + key.aliases.size() : 0;
    for (const std::string& alias : key.aliases) {
      EXPECT_EQ(property(alias).at("allOf").at(0).at("$ref"), "#/properties/" + key.name);
    }
  }
  EXPECT_EQ(schema().at("properties").size(), names);
  EXPECT_EQ(schema().at("definitions").at("dataset").at("properties").size(),
            dataset_keys().size());
}

TEST(RunSchema, says_type_range_choices_and_default_of_each) {
  for (const ConfigKey& key : config_keys()) {
    const OrderedJson found = property(key.name);
    if (key.type == ValueType::kInteger) {
      EXPECT_EQ(found.at("type"), "integer") << key.name;
    }
    if (key.type == ValueType::kNumber) {
      EXPECT_EQ(found.at("type"), "number") << key.name;
    }
    if (key.type == ValueType::kBoolean) {
      EXPECT_EQ(found.at("type"), "boolean") << key.name;
    }
    if (key.type == ValueType::kChoice) {
      EXPECT_EQ(found.at("enum").get<std::vector<std::string>>(), key.choices) << key.name;
    }
    if (key.type == ValueType::kInteger || key.type == ValueType::kNumber) {
      const OrderedJson& bounds = key.range.or_zero ? found.at("anyOf").at(1) : found;
      const auto is = [&](const char* word, const std::optional<double>& bound) {
        ASSERT_EQ(bounds.contains(word), bound.has_value()) << key.name << " " << word;
        if (bound) {
          EXPECT_EQ(bounds.at(word).get<double>(), *bound) << key.name;
        }
      };
      is("minimum", key.range.at_least);
      is("exclusiveMinimum", key.range.above);
      is("maximum", key.range.at_most);
      is("exclusiveMaximum", key.range.below);
    }
    EXPECT_EQ(found.contains("default"), !key.is_required && key.default_note.empty()) << key.name;
  }
  EXPECT_EQ(property("warmup_ratio").at("default"), 0.0);
  EXPECT_EQ(property("lora_target_modules").at("default"), OrderedJson::array({"all-linear"}));
  EXPECT_EQ(property("slurm.launcher").at("default"), "auto");
}

TEST(RunSchema, a_sweep_names_keys_that_runs_may_differ_in) {
  const OrderedJson sweep = property("sweep").at("properties");
  EXPECT_TRUE(sweep.contains("learning_rate"));
  EXPECT_FALSE(sweep.contains("output_dir"));
  EXPECT_FALSE(sweep.contains("slurm.time"));
}

}  // namespace
}  // namespace temper

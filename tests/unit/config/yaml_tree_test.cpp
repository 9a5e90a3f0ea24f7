#include "config/yaml_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

std::string error_of(const std::string& text) {
  try {
    parse_yaml(text, "run.yaml");
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(YamlTree, remembers_lines) {
  const YamlNode root = parse_yaml("a: 1\n\nb:\n  - x\n  - {c: y}\n", "run.yaml");
  ASSERT_EQ(root.kind, YamlNode::Kind::kMap);
  EXPECT_EQ(root.find("a")->value.place, "run.yaml:1");
  EXPECT_EQ(root.find("b")->place, "run.yaml:3");
  const YamlNode& list = root.find("b")->value;
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].text, "x");
  EXPECT_EQ(list.items[1].find("c")->value.place, "run.yaml:5");
  EXPECT_EQ(root.find("missing"), nullptr);
}

TEST(YamlTree, nothing_is_null_unless_quoted) {
  const YamlNode root = parse_yaml("a:\nb: ~\nc: null\nd: \"null\"\ne: \"\"\n", "run.yaml");
  EXPECT_TRUE(root.find("a")->value.is_null());
  EXPECT_TRUE(root.find("b")->value.is_null());
  EXPECT_TRUE(root.find("c")->value.is_null());
  EXPECT_EQ(root.find("d")->value.text, "null");
  EXPECT_EQ(root.find("e")->value.kind, YamlNode::Kind::kScalar);
  EXPECT_TRUE(parse_yaml("", "run.yaml").is_null());
  EXPECT_TRUE(parse_yaml("# only a comment\n", "run.yaml").is_null());
}

TEST(YamlTree, duplicate_key_names_both_places) {
  EXPECT_EQ(error_of("a: 1\nb: 2\na: 3\n"),
            "run.yaml:3: key \"a\" is given twice, first at run.yaml:1");
}

TEST(YamlTree, syntax_error_names_the_line) {
  EXPECT_THAT(error_of("a: 1\nb: [1, 2\nc: 3\n"), names("run.yaml:"));
  EXPECT_THAT(error_of("a: 1\n\tb: 2\n"), names("run.yaml:", "not valid YAML"));
  EXPECT_THAT(error_of("a: 1\n---\nb: 2\n"), names("run.yaml: ", "\"---\""));
  EXPECT_THAT(error_of("[1, 2]: 3\n"), names("run.yaml:1: ", "key"));
}

TEST(YamlTree, alias_is_a_copy) {
  const YamlNode root = parse_yaml("a: &x [1, 2]\nb: *x\n", "run.yaml");
  EXPECT_EQ(root.find("b")->value.items.size(), 2u);
  EXPECT_THAT(error_of("a: &x [1, *x]\n"), names("run.yaml:1: ", "alias"));
}

TEST(YamlTree, alias_bomb_is_refused_quickly) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(error_of(bomb), names("run.yaml:", "20000"));
}

TEST(YamlTree, depth_and_size_are_limited) {
  EXPECT_THAT(error_of(std::string(40, '[') + std::string(40, ']')),
              names("run.yaml:1: ", fmt::format("{} levels", kMaxYamlDepth)));
  // Far deeper than the stack could take.
  EXPECT_NE(error_of(std::string(400000, '[')), "no error");
  EXPECT_THAT(error_of(std::string(kMaxYamlBytes + 1, ' ')),
              names("run.yaml: ", "1048577", "1048576"));
}

}  // namespace
}  // namespace temper

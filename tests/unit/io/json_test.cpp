#include "io/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string parse_error(std::string_view text) {
  const std::string ordered =
      error_text<UserError>([&] { parse_ordered_json(text, "data.jsonl:17"); });
  const std::string sorted = error_text<UserError>([&] { parse_json(text, "data.jsonl:17"); });
  EXPECT_EQ(ordered, sorted);
  EXPECT_THAT(sorted, testing::StartsWith("data.jsonl:17: "));
  return sorted;
}

TEST(ParseJsonTest, reads_every_kind_of_value) {
  const std::string text =
      R"({"b": [1, -2, 3.5, true, false, null, "x\u00e9", [], {}], "a": {"c": 18446744073709551615}})";
  const Json json = parse_json(text, "test");
  EXPECT_EQ(json, Json::parse(text));
  EXPECT_EQ(json.dump(), Json::parse(text).dump());
  EXPECT_EQ(parse_ordered_json(text, "test").dump(), OrderedJson::parse(text).dump());
}

TEST(ParseJsonTest, scalars_are_documents) {
  EXPECT_EQ(parse_json(" 12 ", "test"), 12);
  EXPECT_EQ(parse_ordered_json("\"a\"", "test"), "a");
}

TEST(ParseJsonTest, order_of_keys_is_kept_where_asked) {
  const std::string text = R"({"z":1,"a":{"y":2,"b":3},"m":4})";
  EXPECT_EQ(parse_ordered_json(text, "test").dump(), text);
  EXPECT_EQ(parse_json(text, "test").dump(), R"({"a":{"b":3,"y":2},"m":4,"z":1})");
}

TEST(ParseJsonTest, large_objects_take_no_quadratic_time) {
  std::string text = "{";
  for (int i = 0; i < 300000; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  text += "}";
  EXPECT_EQ(parse_ordered_json(text, "test").size(), 300000u);  // ten minutes if it did
}

// The library itself asserts that, in builds with assertions; in others it reads what is no JSON.
TEST(JsonAccessTest, asking_a_constant_object_for_a_key_it_lacks_is_an_error_in_every_build) {
  const Json sorted = parse_json(R"({"a": 1})", "test");
  const OrderedJson ordered = parse_ordered_json(R"({"a": 1})", "test");
  EXPECT_EQ(sorted["a"], 1);
  EXPECT_EQ(ordered["a"], 1);
  EXPECT_THAT(error_text<InternalError>([&] { static_cast<void>(sorted["b"]); }),
              names("JSON document"));
  EXPECT_THAT(error_text<InternalError>([&] { static_cast<void>(ordered["b"]); }),
              names("JSON document"));
}

TEST(ParseJsonTest, duplicate_keys_are_refused) {
  EXPECT_THAT(parse_error(R"({"a": 1, "b": {"c": 1, "c": 2}})"), names("\"c\"", "twice"));
  EXPECT_THAT(parse_error(R"([{"a": 1, "\u0061": 2}])"), names("\"a\"", "twice"));
  EXPECT_NO_THROW(parse_json(R"([{"a": 1}, {"a": 2}, {"b": {"a": 1}, "a": 3}])", "test"));
}

TEST(ParseJsonTest, errors_say_where_and_never_quote_the_document) {
  const auto says = [](std::string_view document, const char* what) {
    const std::string text = parse_error(document);
    EXPECT_THAT(text, AllOf(names(what), Not(HasSubstr("secret"))));
  };
  says("{\"text\": \"secret\"\n\"more\": 1}", "line 2, column");
  says("{\"secret\": secret}", "data.jsonl:17: not valid JSON (column");
  says("{\"secret\": \"secret", "ends too early");
  says("", "ends too early");
  says("{\"a\": 1e999}", "out of range");
  says("\"secret\xff\"", "not UTF-8");
  says("\"\xed\xa0\x80 secret\"", "not UTF-8");
  says("{} secret", "(column 4)");
  says("{\"the secret text\": 1, \"the secret text\": 2}", "15 bytes");
  says("// secret\n{}", "line 1, column 1");
}

TEST(ParseJsonTest, depth_is_limited) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '[') +
           std::string(static_cast<size_t>(depth), ']');
  };
  EXPECT_NO_THROW(parse_json(nested(kMaxJsonDepth), "test"));
  EXPECT_THAT(parse_error(nested(kMaxJsonDepth + 1)), names("256 levels"));
  EXPECT_THAT(parse_error(nested(1000000)), names("256 levels"));
}

TEST(ReadJsonFileTest, names_the_file) {
  const TemporaryDirectory directory;
  const auto path = directory.write("config.json", "{\"a\": 1}");
  EXPECT_EQ(read_json_file(path).at("a"), 1);
  EXPECT_THAT(error_text<UserError>([&] { read_json_file(path, 3); }),
              names("config.json", "3 bytes"));
  const auto wrong = directory.write("wrong.json", "{");
  EXPECT_THAT(error_text<UserError>([&] { read_json_file(wrong); }),
              names("wrong.json: ", "not valid JSON"));
}

class JsonFieldsTest : public testing::Test {
 protected:
  const Json json_ = Json::parse(R"({"int": 3, "big": 18446744073709551615, "real": 2.5,
      "yes": true, "text": "abc", "none": null, "list": [1, 2], "object": {"inner": "x"}})");
  const JsonFields fields_{json_, "config.json"};
};

TEST_F(JsonFieldsTest, gives_typed_values) {
  EXPECT_EQ(fields_.integer("int"), 3);
  EXPECT_EQ(fields_.number("int"), 3.0);
  EXPECT_EQ(fields_.number("real"), 2.5);
  EXPECT_TRUE(fields_.boolean("yes"));
  EXPECT_EQ(fields_.text("text"), "abc");
  EXPECT_EQ(fields_.object("object").text("inner"), "x");
}

TEST_F(JsonFieldsTest, null_and_absent_take_the_fallback_but_wrong_types_do_not) {
  EXPECT_FALSE(fields_.has("none"));
  EXPECT_FALSE(fields_.has("absent"));
  EXPECT_TRUE(fields_.has("yes"));
  EXPECT_EQ(fields_.integer_or("none", 7), 7);
  EXPECT_EQ(fields_.number_or("absent", 0.5), 0.5);
  EXPECT_TRUE(fields_.boolean_or("absent", true));
  EXPECT_EQ(fields_.text_or("none", "x"), "x");
  EXPECT_THROW(fields_.integer_or("text", 7), UserError);
}

TEST_F(JsonFieldsTest, errors_name_place_key_value_and_type) {
  const auto text = [](auto&& action) { return error_text<UserError>(action); };
  EXPECT_EQ(text([&] { fields_.integer("text"); }),
            "config.json: \"text\" is \"abc\", expected an integer");
  EXPECT_EQ(text([&] { fields_.integer("real"); }),
            "config.json: \"real\" is 2.5, expected an integer");
  EXPECT_EQ(text([&] { fields_.integer("big"); }),
            "config.json: \"big\" is 18446744073709551615, expected an integer");
  EXPECT_EQ(text([&] { fields_.boolean("int"); }),
            "config.json: \"int\" is 3, expected true or false");
  EXPECT_EQ(text([&] { fields_.text("list"); }),
            "config.json: \"list\" is a list of 2, expected a string");
  EXPECT_EQ(text([&] { fields_.number("object"); }),
            "config.json: \"object\" is an object, expected a number");
  EXPECT_EQ(text([&] { fields_.object("none"); }),
            "config.json: \"none\" is null, expected an object");
  EXPECT_EQ(text([&] { fields_.integer("absent"); }), "config.json: \"absent\" is missing");
  EXPECT_EQ(text([&] { fields_.object("object").integer("inner"); }),
            "config.json: object: \"inner\" is \"x\", expected an integer");
  EXPECT_EQ(text([&] { JsonFields(json_.at("list"), "a.json"); }),
            "a.json: expected a JSON object, found a list of 2");
}

TEST_F(JsonFieldsTest, long_values_are_cut) {
  const Json json = {{"key", std::string(5000, 'x')}};
  EXPECT_LT(error_text<UserError>([&] { JsonFields(json, "a").integer("key"); }).size(), 200u);
}

}  // namespace
}  // namespace temper

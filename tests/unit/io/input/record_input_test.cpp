// Readers of JSON arrays and of comma-separated values, on inputs in small pieces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "common/error.h"
#include "io/input/csv_input.h"
#include "io/input/json_array_input.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using testing::ElementsAre;

// A few bytes at a time.
class DripInput final : public ByteInput {
 public:
  DripInput(std::string text, size_t num_bytes) : text_(std::move(text)), num_bytes_(num_bytes) {}
  size_t read(char* out, size_t capacity) override {
    const size_t count = std::min({capacity, text_.size() - at_, num_bytes_});
    std::memcpy(out, text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  size_t num_bytes_;
  size_t at_ = 0;
};

std::unique_ptr<ByteInput> drip(const std::string& text, size_t num_bytes = 3) {
  return std::make_unique<DripInput>(text, num_bytes);
}

std::string all_of(ByteInput& input) {
  std::string all;
  char byte = 0;
  while (input.read(&byte, 1) == 1) all += byte;
  return all;
}

// Japanese headers begin with U+FF29, Arabic presentation forms with U+FE8D: their first byte or
// two are those of the mark.
TEST(ByteOrderMark, is_left_out_whole_or_not_at_all) {
  for (const size_t num_bytes : {1, 2, 3, 100}) {
    const auto read = [&](const std::string& text) {
      return all_of(*without_byte_order_mark(drip(text, num_bytes)));
    };
    EXPECT_EQ(read("\xef\xbb\xbfx"), "x");
    EXPECT_EQ(read("\xef\xbb\xbf\xef\xbb\xbf"), "\xef\xbb\xbf");
    for (const char* other : {"", "x", "\xef", "\xef\xbb", "\xef\xbcx", "\xef\xbb\x8dx",
                              "\xef\xbf\xbf", "\xbb\xbfx", "\xbfx"}) {
      EXPECT_EQ(read(other), other);
    }
  }
}

TEST(ByteOrderMark, leaves_the_first_header_of_a_csv_file_whole) {
  const std::string id = "\xef\xbc\xa9\xef\xbc\xa4";  // full-width "ID"
  for (const std::string& mark : {std::string(), std::string("\xef\xbb\xbf")}) {
    CsvReader reader(drip(mark + id + ",b\n1,2\n"), "a.csv", ',');
    EXPECT_THAT(reader.columns(), ElementsAre(id, "b"));
  }
}

std::vector<std::string> elements(const std::string& text, size_t limit = 100) {
  JsonArrayReader reader(drip(text), "a.json", limit);
  std::vector<std::string> all;
  std::string element;
  while (reader.next(element)) all.push_back(element);
  return all;
}

TEST(JsonArrayReader, gives_elements_as_they_are) {
  EXPECT_THAT(elements(R"( [1, "a,]\"", {"x": [1, 2]} ,null])"),
              ElementsAre("1", R"("a,]\"")", R"({"x": [1, 2]})", "null"));
  EXPECT_THAT(elements("[]"), ElementsAre());
  EXPECT_THAT(elements("\xef\xbb\xbf [1]"), ElementsAre("1"));
  EXPECT_THAT(elements(R"(["\\", "]"])"), ElementsAre(R"("\\")", R"("]")"));
}

TEST(JsonArrayReader, names_what_is_wrong) {
  const auto error = [](const std::string& text, size_t limit = 100) -> std::string {
    try {
      elements(text, limit);
    } catch (const UserError& user_error) {
      return user_error.what();
    }
    return "(none)";
  };
  EXPECT_THAT(error("{}"), names("a.json: ", "element 0", "not a JSON array"));
  EXPECT_THAT(error("\xef[]"), names("a.json: ", "element 0", "not a JSON array"));
  EXPECT_THAT(error(""), names("a.json: ", "element 0", "not a JSON array"));
  EXPECT_THAT(error("[1, 2"), names("a.json: ", "element 1", "no end"));
  EXPECT_THAT(error("[1, \"2"), names("a.json: ", "element 1", "no end"));
  EXPECT_THAT(error("[1,,2]"), names("a.json: ", "element 1", "missing"));
  EXPECT_THAT(error("[1] 2"), names("a.json: ", "element 0", "text after"));
  EXPECT_THAT(error("[12345]", 4), names("a.json: ", "element 0", "too long"));
}

TEST(CsvReader, gives_fields_as_they_are) {
  CsvReader reader(drip("a;b\r\n\"x;\"\"y\"\"\";2\n\n\"l1\nl2\";\n3;4"), "a.csv", ';');
  EXPECT_THAT(reader.columns(), ElementsAre("a", "b"));
  std::vector<std::string> fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_THAT(fields, ElementsAre("x;\"y\"", "2"));
  EXPECT_EQ(reader.line_number(), 2);
  ASSERT_TRUE(reader.next(fields));
  EXPECT_THAT(fields, ElementsAre("l1\nl2", ""));
  EXPECT_EQ(reader.line_number(), 4);
  ASSERT_TRUE(reader.next(fields));
  EXPECT_THAT(fields, ElementsAre("3", "4"));
  EXPECT_EQ(reader.line_number(), 6);
  EXPECT_FALSE(reader.next(fields));
}

TEST(CsvReader, goes_on_after_a_bad_record) {
  CsvReader reader(drip("a,b\n1\n1,2,3\n\"x\"y,2\n1,2\n"), "a.csv", ',');
  std::vector<std::string> fields;
  ASSERT_TRUE(reader.next(fields));
  EXPECT_STREQ(reader.problem(), "fewer fields than the header has columns");
  ASSERT_TRUE(reader.next(fields));
  EXPECT_STREQ(reader.problem(), "more fields than the header has columns");
  ASSERT_TRUE(reader.next(fields));
  EXPECT_STREQ(reader.problem(), "text behind a closing quote");
  ASSERT_TRUE(reader.next(fields));
  EXPECT_EQ(reader.problem(), nullptr);
}

TEST(CsvReader, limits_a_record) {
  EXPECT_THROW(CsvReader(drip("abcdef,b\n"), "a.csv", ',', 4), UserError);
  CsvReader reader(drip("a,b\n123,45\n"), "a.csv", ',', 4);
  std::vector<std::string> fields;
  EXPECT_THROW(reader.next(fields), UserError);
}

}  // namespace
}  // namespace temper

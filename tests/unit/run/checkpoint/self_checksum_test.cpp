#include "run/checkpoint/self_checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

std::string refusal(const std::string& text) {
  const std::string error = error_text<UserError>([&] { open_sealed_record(text, "run.json", 2); });
  EXPECT_THAT(error, testing::StartsWith("run.json: "));
  return error;
}

TEST(SelfChecksumTest, sealed_records_open) {
  const Json record = {{"format_version", 2}, {"text", "ü \n \"x\""}, {"list", {1, 2}}};
  EXPECT_EQ(open_sealed_record(seal_record(record), "run.json", 2), record);
}

TEST(SelfChecksumTest, layout_of_the_text_does_not_matter) {
  const std::string sealed = seal_record({{"format_version", 1}, {"a", 1}});
  const std::string compact = OrderedJson::parse(sealed).dump();
  EXPECT_EQ(open_sealed_record(compact, "run.json", 2).at("a"), 1);
}

// Whatever byte is changed, the record does not open as another one.
TEST(SelfChecksumTest, every_changed_byte_is_noticed) {
  const Json record = {{"format_version", 1}, {"step", 120}, {"name", "abc"}};
  const std::string sealed = seal_record(record);
  int num_refused = 0;
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] ^= 1;
    try {
      EXPECT_EQ(open_sealed_record(damaged, "run.json", 2), record) << damaged;
    } catch (const UserError&) {
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 80);
  for (size_t size = 0; size + 1 < sealed.size(); ++size) {
    EXPECT_THROW(open_sealed_record(sealed.substr(0, size), "run.json", 2), UserError);
  }
}

TEST(SelfChecksumTest, newer_formats_are_refused_by_number_before_the_hash) {
  EXPECT_THAT(refusal(R"({"format_version": 3})"), names("version 3", "version 2"));
  EXPECT_THAT(refusal(seal_record({{"format_version", 0}})), names("version 0", "version 2"));
}

TEST(SelfChecksumTest, other_documents_are_refused) {
  EXPECT_THAT(refusal("[]"), names("object", "a list of 0"));
  EXPECT_THAT(refusal("{}"), names("\"format_version\"", "missing"));
  EXPECT_THAT(refusal(R"({"format_version": "1"})"),
              names("\"format_version\"", "\"1\"", "integer"));
  EXPECT_THAT(refusal(R"({"format_version": 1})"), names("\"record_hash\"", "missing"));
  EXPECT_THAT(refusal(R"({"format_version": 1, "record_hash": "0"})"),
              names("damaged", "record_hash"));
}

TEST(SelfChecksumTest, text_that_is_not_utf8_is_kept_readable) {
  const std::string sealed = seal_record({{"format_version", 1}, {"text", "a\xff"}});
  EXPECT_EQ(open_sealed_record(sealed, "run.json", 1).at("text"), "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace temper

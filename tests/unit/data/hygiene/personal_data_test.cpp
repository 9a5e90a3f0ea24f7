#include "data/hygiene/personal_data.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fixtures/linear_time.h"

namespace temper {
namespace {

std::string masked(const std::string& text) {
  int64_t count = 0;
  return mask_personal_data(text, count);
}

TEST(PersonalData, is_masked) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Write to jo.doe+x@mail.example.org.", "Write to [EMAIL]."},
      {"call (555) 123-4567 or 1-800-555-0199 now", "call [PHONE] or [PHONE] now"},
      {"555-123-4567, 555.123.4567", "[PHONE], [PHONE]"},
      {"+49 30 1234567 and +1 (212) 555-0100", "[PHONE] and [PHONE]"},
      {"SSN 123-45-6789.", "SSN [SSN]."},
      {"MRN: 00123456", "MRN: [MRN]"},
      {"medical record number 445566", "medical record number [MRN]"},
      {"Patient ID A1234567 came", "Patient ID [MRN] came"},
      {"DOB 03/04/1956", "DOB [BIRTH DATE]"},
      {"date of birth: 1956-03-04", "date of birth: [BIRTH DATE]"},
      {"born on 4 March 1956 in", "born on [BIRTH DATE] in"},
      {"She was born March 4, 1956.", "She was born [BIRTH DATE]."},
      {"card 4111 1111 1111 1111", "card [CARD]"},
      {"5500000000000004", "[CARD]"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(masked(text), expected);
}

TEST(PersonalData, what_only_looks_like_it_stays) {
  for (const std::string text :
       {"a @ b", "user@localhost", "from 120/80 to 140-90 mmHg", "4111 1111 1111 1112",
        "000-12-3456 and 666-12-3456 and 912-12-3456", "in 1956 and 03/04/1956", "12-34-5678",
        "chapter 123-456-78901", "10-20 mg, 2.5-5.0 ml/kg, 1,234,567", "ICD-10 E11.65",
        "MRN pending", "born in 1956", "", "5551234567"}) {
    EXPECT_EQ(masked(text), text);
  }
}

TEST(PersonalData, matches_have_kinds_and_places) {
  const auto matches = find_personal_data("x@y.org 123-45-6789");
  ASSERT_EQ(matches.size(), 2u);
  EXPECT_EQ(matches[0].kind, PersonalData::kEmail);
  EXPECT_EQ(matches[0].end, 7u);
  EXPECT_EQ(matches[1].kind, PersonalData::kSocialSecurity);
  EXPECT_EQ(matches[1].begin, 8u);
}

TEST(PersonalData, long_hostile_text_takes_linear_time) {
  for (const std::string unit : {"1-", "@", "a@", "1 ", "(1)", "born ", "+", "mrn 1"}) {
    SCOPED_TRACE(unit);
    const auto repeated = [&](size_t size) {
      std::string text;
      while (text.size() < size) text += unit;
      return text;
    };
    expect_linear_time(3'000'000, repeated, find_personal_data);
  }
}

}  // namespace
}  // namespace temper

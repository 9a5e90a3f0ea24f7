// Shapes of personal data in text: a net with holes, not a promise. What is found may be harmless
// (a hospital's phone number), and names, addresses and anything written unusually pass through.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

enum class PersonalData {
  kEmail,           // a@b.cd
  kPhone,           // (555) 123-4567, 555-123-4567, +49 30 1234567
  kSocialSecurity,  // 123-45-6789, not the numbers that are never given out
  kMedicalRecord,   // "MRN: 1234567", "patient ID 123456", "medical record number 12345"
  kBirthDate,       // "DOB 03/04/1956", "born 4 March 1956", "date of birth: 1956-03-04"
  kCard,            // 13 to 19 digits with a valid checksum (Luhn)
};
inline constexpr size_t kNumPersonalData = 6;
const char* personal_data_name(PersonalData kind);  // "email", "phone", ...

struct PersonalDataMatch {
  PersonalData kind;
  size_t begin, end;  // bytes
};

// Finds matches in the order of the text that do not overlap, in time linear in its length.
std::vector<PersonalDataMatch> find_personal_data(std::string_view text);

// The text with each match replaced by "[EMAIL]", "[PHONE]", "[SSN]", "[MRN]", "[BIRTH DATE]" or
// "[CARD]". The number of them is added to `num_masked`.
std::string mask_personal_data(const std::string& text, int64_t& num_masked);

}  // namespace temper

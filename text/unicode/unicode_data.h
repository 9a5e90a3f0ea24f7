// What Hugging Face `tokenizers` takes each code point for, as tables: ids must not depend on which
// version of Unicode a system's PCRE2 and utf8proc have.
#pragma once

#include <cstdint>
#include <span>

namespace temper {

// General categories (Unicode 16, as in the library's regular expressions). In the tables' order.
enum class Category : uint8_t {
  kCn,
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,
  kPe,
  kPi,
  kPf,
  kPo,
  kSm,
  kSc,
  kSk,
  kSo,
  kZs,
  kZl,
  kZp,
  kCc,
  kCf,
  kCo,
  kCs
};

// Runs of one category: the first code point << 5 | category, ascending.
extern const std::span<const uint32_t> kCategoryRuns;

// Numbers to Digits that are none to the regular expressions, which are a version of Unicode
// behind.
extern const std::span<const char32_t> kLaterNumbers;

// Lower case that not every version of utf8proc knows.
struct LowercasePair {
  char32_t upper;
  char32_t lower;
};
extern const std::span<const LowercasePair> kLaterLowercase;

}  // namespace temper

#include "sharding/exact_sum.h"

#include <cmath>
#include <limits>

namespace temper {
namespace {

constexpr int kDigitBits = 32;
constexpr int kLowestExponent = -1074;  // bit 0 of digit 0 weighs 2^-1074
constexpr int64_t kDigitMask = (int64_t{1} << kDigitBits) - 1;
constexpr int64_t kTermsBeforeNormalise = int64_t{1} << 28;

}  // namespace

void ExactSum::add(double term) {
  if (!std::isfinite(term)) {
    ++num_not_finite_;
    return;
  }
  if (term == 0.0) return;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(term), &exponent);  // in [0.5, 1)
  // 53 significant bits as an integer; a subnormal simply has fewer of them.
  uint64_t bits = static_cast<uint64_t>(std::ldexp(fraction, 53));
  int shift = exponent - 53 - kLowestExponent;
  if (shift < 0) {
    bits >>= -shift;  // exact: a subnormal's low bits are zero
    shift = 0;
  }
  const int digit = shift / kDigitBits;
  const unsigned __int128 wide = static_cast<unsigned __int128>(bits) << (shift % kDigitBits);
  const int64_t sign = term < 0 ? -1 : 1;
  for (int i = 0; i < 3 && digit + i < kNumDigits; ++i) {
    digits_[digit + i] += sign * static_cast<int64_t>((wide >> (kDigitBits * i)) & kDigitMask);
  }
  if (++terms_since_normalise_ >= kTermsBeforeNormalise) normalise();
}

void ExactSum::normalise() {
  int64_t carry = 0;
  for (int i = 0; i + 1 < kNumDigits; ++i) {
    const int64_t value = digits_[i] + carry;
    digits_[i] = value & kDigitMask;
    carry = value >> kDigitBits;  // arithmetic: floors, so that digits end up non-negative
  }
  digits_[kNumDigits - 1] += carry;
  terms_since_normalise_ = 0;
}

std::array<int64_t, ExactSum::kNumDigits + 1> ExactSum::digits() const {
  ExactSum normal = *this;
  normal.normalise();
  std::array<int64_t, kNumDigits + 1> result{};
  for (int i = 0; i < kNumDigits; ++i) result[i] = normal.digits_[i];
  result[kNumDigits] = num_not_finite_;
  return result;
}

ExactSum ExactSum::from_digits(const std::array<int64_t, kNumDigits + 1>& digits) {
  ExactSum sum;
  for (int i = 0; i < kNumDigits; ++i) sum.digits_[i] = digits[i];
  sum.num_not_finite_ = digits[kNumDigits];
  sum.normalise();
  return sum;
}

double ExactSum::value() const {
  if (!finite()) return std::numeric_limits<double>::quiet_NaN();
  ExactSum magnitude = *this;
  magnitude.normalise();
  // A negative sum is one negative digit on top and positive ones below: turn the signs around.
  const bool negative = magnitude.digits_[kNumDigits - 1] < 0;
  if (negative) {
    for (int64_t& digit : magnitude.digits_) digit = -digit;
    magnitude.normalise();
  }
  int top = kNumDigits - 1;
  while (top > 2 && magnitude.digits_[top] == 0) --top;
  // Three digits hold more bits than a double; whether anything lies below them settles ties.
  unsigned __int128 leading = 0;
  for (int i = top; i > top - 3; --i) {
    leading = (leading << kDigitBits) + static_cast<uint64_t>(magnitude.digits_[i]);
  }
  for (int i = 0; i <= top - 3; ++i) {
    if (magnitude.digits_[i] != 0) leading |= 1;
  }
  const double value =
      std::ldexp(static_cast<double>(leading), kDigitBits * (top - 2) + kLowestExponent);
  return negative ? -value : value;
}

}  // namespace temper

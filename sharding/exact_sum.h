// A sum of doubles whose result does not depend on the order of its terms.
//
// Every term is split into 32-bit digits of one wide fixed-point number (a Kulisch accumulator) and
// added with integer arithmetic, so partial sums of several ranks may be combined in any order by
// adding their digits. Used for the gradient norm, which must be the same bits on any rank count.
#pragma once

#include <array>
#include <cstdint>

namespace temper {

class ExactSum {
 public:
  // Covers every finite double: 2^-1074 .. 2^1024, 32 bits a digit, and headroom for carries.
  static constexpr int kNumDigits = 67;

  // NaN and infinities are remembered and make value() NaN.
  void add(double term);

  // The digits as all_reduce(SUM) adds them over ranks (plus a last entry counting non-finite
  // terms). Valid for fewer than 2^20 ranks.
  std::array<int64_t, kNumDigits + 1> digits() const;
  static ExactSum from_digits(const std::array<int64_t, kNumDigits + 1>& digits);

  bool finite() const { return num_not_finite_ == 0; }
  double value() const;  // rounded once, deterministically

 private:
  void normalise();

  std::array<int64_t, kNumDigits> digits_{};
  int64_t num_not_finite_ = 0;
  int64_t terms_since_normalise_ = 0;
};

}  // namespace temper

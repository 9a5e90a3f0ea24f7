#include "io/safetensors/float_conversion.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace temper {
namespace {

float widen(uint16_t bits, DType dtype) {
  std::byte bytes[3];  // stored unaligned
  std::memcpy(bytes + 1, &bits, sizeof(bits));
  float value = 0.0f;
  read_as_floats(bytes + 1, 1, dtype, &value);
  return value;
}

uint16_t narrow(float value, DType dtype) {
  std::byte bytes[2];
  convert_floats(&value, 1, dtype, bytes);
  return std::bit_cast<uint16_t>(bytes);
}

// The definition of the two formats, by arithmetic.
double value_by_definition(uint16_t bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
}

struct Format {
  DType dtype;
  int exponent_bits, fraction_bits;
};
class HalfFormatTest : public testing::TestWithParam<Format> {
 protected:
  double defined(uint16_t bits) const {
    return value_by_definition(bits, GetParam().exponent_bits, GetParam().fraction_bits);
  }
};
INSTANTIATE_TEST_SUITE_P(, HalfFormatTest,
                         testing::Values(Format{DType::kF16, 5, 10}, Format{DType::kBF16, 8, 7}),
                         [](const auto& format) { return dtype_name(format.param.dtype); });

TEST_P(HalfFormatTest, all_values_widen_exactly_and_come_back) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float value = widen(bits, GetParam().dtype);
    if (std::isnan(defined(bits))) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(widen(narrow(value, GetParam().dtype), GetParam().dtype))) << bits;
    } else {
      ASSERT_EQ(value, defined(bits)) << bits;
      ASSERT_EQ(narrow(value, GetParam().dtype), bits);
    }
  }
}

TEST_P(HalfFormatTest, ties_go_to_even_and_their_neighbours_to_the_nearest) {
  const DType dtype = GetParam().dtype;
  for (uint16_t bits = 0; !std::isinf(defined(bits + 1)); ++bits) {
    const auto tie = static_cast<float>((defined(bits) + defined(bits + 1)) / 2);
    const uint16_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(narrow(tie, dtype), even) << bits;
    ASSERT_EQ(narrow(-tie, dtype), even | 0x8000) << bits;
    ASSERT_EQ(narrow(std::nextafter(tie, 0.0f), dtype), bits);
    ASSERT_EQ(narrow(std::nextafter(tie, std::numeric_limits<float>::max()), dtype), bits + 1);
  }
}

TEST(FloatConversionTest, half_overflows_to_infinity_from_halfway_on) {
  EXPECT_EQ(narrow(65519.99f, DType::kF16), 0x7bff);
  EXPECT_EQ(narrow(65520.0f, DType::kF16), 0x7c00);
  EXPECT_EQ(narrow(1e30f, DType::kF16), 0x7c00);
  EXPECT_EQ(narrow(-1e30f, DType::kF16), 0xfc00);
  EXPECT_EQ(narrow(std::numeric_limits<float>::infinity(), DType::kF16), 0x7c00);
  EXPECT_EQ(narrow(std::numeric_limits<float>::max(), DType::kBF16), 0x7f80);
}

TEST(FloatConversionTest, every_nan_stays_one) {
  // Among them payloads that rounding or cutting alone would turn into infinity or zero.
  for (const uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu, 0x7fc00000u}) {
    const auto nan = std::bit_cast<float>(bits);
    for (const DType dtype : {DType::kF16, DType::kBF16}) {
      EXPECT_TRUE(std::isnan(widen(narrow(nan, dtype), dtype))) << std::hex << bits;
    }
  }
}

TEST(FloatConversionTest, tiny_values_round_to_zero_with_their_sign) {
  EXPECT_EQ(narrow(1e-30f, DType::kF16), 0x0000);
  EXPECT_EQ(narrow(-1e-30f, DType::kF16), 0x8000);
  EXPECT_EQ(narrow(-0.0f, DType::kBF16), 0x8000);
}

TEST(FloatConversionTest, single_is_copied_and_double_rounded) {
  const std::vector<float> values = {1.5f, -0.0f, std::numeric_limits<float>::denorm_min()};
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  convert_floats(values.data(), 3, DType::kF32, bytes.data());
  std::vector<float> back(3);
  read_as_floats(bytes.data(), 3, DType::kF32, back.data());
  EXPECT_EQ(std::memcmp(back.data(), values.data(), bytes.size()), 0);

  const double wide[] = {0.1, 1e300};
  read_as_floats(reinterpret_cast<const std::byte*>(wide), 2, DType::kF64, back.data());
  EXPECT_EQ(back[0], 0.1f);
  EXPECT_TRUE(std::isinf(back[1]));
}

}  // namespace
}  // namespace temper

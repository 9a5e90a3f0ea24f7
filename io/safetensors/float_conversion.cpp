#include "io/safetensors/float_conversion.h"

#include <bit>
#include <cstring>

#include "common/error.h"

namespace temper {
namespace {

constexpr uint32_t kSignMask = 0x80000000u;
constexpr uint32_t kFloatInfinity = 0x7f800000u;
constexpr uint32_t kHalfBits = 0x3f000000u;  // 0.5f, whose last bit weighs 2^-24

template <typename Bits>
Bits load(const std::byte* from, int64_t index) {
  Bits bits;
  std::memcpy(&bits, from + index * static_cast<int64_t>(sizeof(Bits)), sizeof(Bits));
  return bits;
}

float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16;
  const uint32_t magnitude = half & 0x7fffu;
  uint32_t bits = 0;
  if (magnitude >= 0x7c00u) {  // infinity or NaN
    bits = kFloatInfinity | (magnitude << 13);
  } else if (magnitude >= 0x0400u) {
    bits = (magnitude << 13) + ((127u - 15u) << 23);
  } else {  // subnormal: units of 2^-24
    bits = std::bit_cast<uint32_t>(std::bit_cast<float>(kHalfBits + magnitude) - 0.5f);
  }
  return std::bit_cast<float>(sign | bits);
}

uint16_t float_to_half(float value) {
  const uint32_t all_bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (all_bits & kSignMask) >> 16;
  const uint32_t bits = all_bits & ~kSignMask;
  uint32_t half = 0;
  if (bits > kFloatInfinity) {  // a NaN stays one, made quiet
    half = 0x7e00u | ((bits >> 13) & 0x03ffu);
  } else if (bits >= 0x47800000u) {  // 65536 and more
    half = 0x7c00u;
  } else if (bits < 0x38800000u) {  // below 2^-14: the addition rounds to units of 2^-24
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + 0.5f) - kHalfBits;
  } else {
    half = (bits - ((127u - 15u) << 23) + 0x0fffu + ((bits >> 13) & 1u)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & ~kSignMask) > kFloatInfinity) return static_cast<uint16_t>((bits >> 16) | 0x0040u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace

bool is_floating_point(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

void read_as_floats(const std::byte* in, int64_t num_elements, DType dtype, float* out) {
  switch (dtype) {
    case DType::kF32:
      if (num_elements > 0) std::memcpy(out, in, static_cast<size_t>(num_elements) * sizeof(float));
      return;
    case DType::kF16:
      for (int64_t i = 0; i < num_elements; ++i) out[i] = half_to_float(load<uint16_t>(in, i));
      return;
    case DType::kBF16:
      for (int64_t i = 0; i < num_elements; ++i) {
        out[i] = std::bit_cast<float>(uint32_t{load<uint16_t>(in, i)} << 16);
      }
      return;
    case DType::kF64:
      for (int64_t i = 0; i < num_elements; ++i) out[i] = static_cast<float>(load<double>(in, i));
      return;
    default:
      TEMPER_CHECK(false, "{} is no floating-point type", dtype_name(dtype));
  }
}

void convert_floats(const float* in, int64_t num_elements, DType dtype, std::byte* out) {
  const auto store = [&](uint16_t (*convert)(float)) {
    for (int64_t i = 0; i < num_elements; ++i) {
      const uint16_t bits = convert(in[i]);
      std::memcpy(out + 2 * i, &bits, sizeof(bits));
    }
  };
  switch (dtype) {
    case DType::kF32:
      if (num_elements > 0) std::memcpy(out, in, static_cast<size_t>(num_elements) * sizeof(float));
      return;
    case DType::kF16:
      store([](float value) { return float_to_half(value); });
      return;
    case DType::kBF16:
      store([](float value) { return float_to_bfloat16(value); });
      return;
    default:
      TEMPER_CHECK(false, "fp32 is not converted to {}", dtype_name(dtype));
  }
}

}  // namespace temper

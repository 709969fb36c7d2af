// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_MINIFLOAT_HPP
#define QFA_COMPRESS_MINIFLOAT_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "qfa/compress/rounding.hpp"

namespace qfa {

/// 2^exponent, from the smallest subnormal 2^-149 to 2^127.
constexpr float power_of_two(int exponent) noexcept {
  return std::bit_cast<float>(exponent >= -126 ? static_cast<std::uint32_t>(exponent + 127) << 23
                                               : std::uint32_t{1} << (exponent + 149));
}

/// floor(log2 x) of a positive finite x, subnormal ones included.
constexpr int floor_log2(float x) noexcept {
  const std::uint32_t bits = magnitude_bits(x);
  return bits >> 23 != 0 ? static_cast<int>(bits >> 23) - 127 : static_cast<int>(std::bit_width(bits)) - 150;
}

/// ceil(log2 x) of a positive finite x.
constexpr int ceil_log2(float x) noexcept {
  const int floor = floor_log2(x);
  return x == power_of_two(floor) ? floor : floor + 1;
}

/// Which codes of a small floating-point format are no numbers.
///   ieee     those of the top exponent: infinity, and NaN where the mantissa is not 0
///   fn       the two codes of all ones are NaN; no infinity
///   fnuz     the code of the negative zero is NaN; no infinity, no negative zero
///   finite   none
enum class specials : std::uint8_t { ieee, fn, fnuz, finite };

/// A floating-point format of at most eight bits: sign, exponent, mantissa from the top, with subnormals.
///
///   exponent 0      mantissa 2^(1 - Bias - MantissaBits)
///   else            (1 + mantissa / 2^MantissaBits) 2^(exponent - Bias)
///
/// Sources: OCP 8-bit Floating Point Specification (2023) for E4M3 and E5M2, OCP Microscaling Formats (2023) for E2M1,
/// E2M3 and E3M2, Noune et al. (2022, arXiv 2206.02915) for the fnuz formats.
template <int ExponentBits, int MantissaBits, int Bias, specials Kind>
struct minifloat {
  static_assert(ExponentBits >= 2 && MantissaBits >= 1 && ExponentBits + MantissaBits <= 7);

  static constexpr int bits = 1 + ExponentBits + MantissaBits;
  static constexpr int mantissa_bits = MantissaBits;
  static constexpr specials kind = Kind;
  static constexpr int lowest_exponent = 1 - Bias;  ///< of normal numbers
  static constexpr int highest_exponent = (1 << ExponentBits) - 1 - (Kind == specials::ieee ? 1 : 0) - Bias;

  /// The largest number.  In fn the mantissa of all ones is taken at the top exponent.
  static constexpr float limit() noexcept {
    return (2.0f - power_of_two(Kind == specials::fn ? 1 - MantissaBits : -MantissaBits)) *
           power_of_two(highest_exponent);
  }

  /// The nearest number of the format, ties to even; the sign of zero is kept where the format has one.
  ///
  /// Beyond the limit: saturating, the limit (infinity too); else infinity in ieee and NaN in fn and fnuz, from where
  /// rounding with an unbounded exponent would leave the format.  A finite format always saturates.  NaN stays NaN,
  /// although a finite format has no code for it.
  ///
  /// Numbers in [2^e, 2^(e+1)) are 2^(e - MantissaBits) apart.  A float of 2^23 such steps has no fraction bits in
  /// them, so adding it lets the hardware round to the format, and subtracting it is exact (see half_even).
  static constexpr float round(float x, bool saturating = true) noexcept {
    constexpr float beyond = power_of_two(highest_exponent + 1);
    constexpr std::uint32_t lowest = static_cast<std::uint32_t>(lowest_exponent + 127) << 23;
    const std::uint32_t magnitude = magnitude_bits(x);
    const float a = std::bit_cast<float>(magnitude) < beyond ? std::bit_cast<float>(magnitude) : beyond;
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(a) & infinity_bits;
    const float no_fraction =
        std::bit_cast<float>((exponent < lowest ? lowest : exponent) + (std::uint32_t{23 - MantissaBits} << 23));
    float rounded = (a + no_fraction) - no_fraction;
    rounded = rounded > limit() ? overflow(saturating) : rounded;
    rounded = magnitude > infinity_bits ? std::numeric_limits<float>::quiet_NaN() : rounded;
    const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & 0x80000000U;
    const float with_sign = std::bit_cast<float>(std::bit_cast<std::uint32_t>(rounded) | sign);
    return Kind == specials::fnuz && rounded == 0.0f ? 0.0f : with_sign;
  }

  /// The code of `round(x, saturating)`.  The code of a NaN has all bits set below the sign, in fnuz the sign alone; a
  /// finite format makes its largest number of it, as PTX's cvt does.
  static constexpr std::uint8_t encode(float x, bool saturating = true) noexcept {
    const float rounded = round(x, saturating);
    const std::uint32_t magnitude = magnitude_bits(rounded);
    const std::uint32_t sign = std::bit_cast<std::uint32_t>(rounded) >> 31 << (bits - 1);
    if (magnitude > infinity_bits) {
      if constexpr (Kind == specials::fnuz) return nan_code;
      if constexpr (Kind == specials::finite) return encode(limit());
      return static_cast<std::uint8_t>(nan_code | sign);
    }
    if (magnitude == infinity_bits) return static_cast<std::uint8_t>(infinity_code | sign);
    const float a = std::bit_cast<float>(magnitude);
    if (a < power_of_two(lowest_exponent))
      return static_cast<std::uint8_t>(static_cast<std::uint32_t>(a * power_of_two(MantissaBits - lowest_exponent)) |
                                       sign);
    constexpr std::uint32_t rebias = static_cast<std::uint32_t>(127 - Bias) << MantissaBits;
    return static_cast<std::uint8_t>(((magnitude >> (23 - MantissaBits)) - rebias) | sign);
  }

  /// The number of a code; bits above the format's are ignored.
  static constexpr float decode(std::uint8_t code) noexcept {
    const std::uint32_t mantissa = code & ((1U << MantissaBits) - 1U);
    const std::uint32_t exponent = (code >> MantissaBits) & ((1U << ExponentBits) - 1U);
    const bool negative = (code >> (bits - 1) & 1U) != 0;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    if constexpr (Kind == specials::fnuz)
      if (negative && exponent == 0 && mantissa == 0) return nan;
    float magnitude = static_cast<float>(mantissa) * power_of_two(lowest_exponent - MantissaBits);
    if (exponent != 0)
      magnitude = std::bit_cast<float>(((exponent + static_cast<std::uint32_t>(127 - Bias)) << 23) |
                                       (mantissa << (23 - MantissaBits)));
    const std::uint32_t payload = code & ((1U << (bits - 1)) - 1U);
    if constexpr (Kind == specials::fn)
      if (payload == nan_code) magnitude = nan;
    if constexpr (Kind == specials::ieee)
      if (payload >= infinity_code) magnitude = payload == infinity_code ? std::numeric_limits<float>::infinity() : nan;
    return negative ? -magnitude : magnitude;
  }

 private:
  static constexpr std::uint8_t nan_code =
      static_cast<std::uint8_t>(Kind == specials::fnuz ? 1U << (bits - 1) : (1U << (bits - 1)) - 1U);
  static constexpr std::uint8_t infinity_code = static_cast<std::uint8_t>(((1U << ExponentBits) - 1U) << MantissaBits);

  static constexpr float overflow(bool saturating) noexcept {
    if (saturating || Kind == specials::finite) return limit();
    return Kind == specials::ieee ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
};

/// The 8-bit floats that hardware has: E4M3 and E5M2 of OCP (2023), and AMD's with a bias one larger.  (It stands
/// before the types of the same names, since g++ warns of enumerators that shadow what is declared already.)
enum class fp8_format : std::uint8_t { e4m3, e5m2, e4m3fnuz, e5m2fnuz };
inline constexpr std::array<std::string_view, 4> fp8_format_names{"e4m3", "e5m2", "e4m3fnuz", "e5m2fnuz"};
constexpr const auto& names_of(fp8_format) noexcept { return fp8_format_names; }
constexpr std::string_view name_of(fp8_format format) noexcept {
  return fp8_format_names[static_cast<std::size_t>(format)];
}

using e4m3 = minifloat<4, 3, 7, specials::fn>;
using e5m2 = minifloat<5, 2, 15, specials::ieee>;
using e4m3fnuz = minifloat<4, 3, 8, specials::fnuz>;
using e5m2fnuz = minifloat<5, 2, 16, specials::fnuz>;
using e2m1 = minifloat<2, 1, 1, specials::finite>;
using e2m3 = minifloat<2, 3, 1, specials::finite>;
using e3m2 = minifloat<3, 2, 3, specials::finite>;

/// Calls `body` with a value of the minifloat type that the format is.
template <class Body>
constexpr auto with_format(fp8_format format, Body body) {
  switch (format) {
    case fp8_format::e5m2:
      return body(e5m2{});
    case fp8_format::e4m3fnuz:
      return body(e4m3fnuz{});
    case fp8_format::e5m2fnuz:
      return body(e5m2fnuz{});
    case fp8_format::e4m3:
      break;
  }
  return body(e4m3{});
}

/// The scale of the OCP Microscaling formats: an exponent and nothing else.
struct e8m0 {
  static constexpr int bits = 8;
  static constexpr int lowest_exponent = -127;
  static constexpr int highest_exponent = 127;

  /// The code of 2^exponent, clamped to what there is.
  static constexpr std::uint8_t encode(int exponent) noexcept {
    return static_cast<std::uint8_t>((exponent < -127 ? -127 : exponent > 127 ? 127 : exponent) + 127);
  }
  static constexpr float decode(std::uint8_t code) noexcept {
    return code == 255 ? std::numeric_limits<float>::quiet_NaN() : power_of_two(static_cast<int>(code) - 127);
  }
};

static_assert(e4m3::limit() == 448.0f && e5m2::limit() == 57344.0f);
static_assert(e4m3fnuz::limit() == 240.0f && e5m2fnuz::limit() == 57344.0f);
static_assert(e2m1::limit() == 6.0f && e2m3::limit() == 7.5f && e3m2::limit() == 28.0f);
static_assert(e4m3::round(464.0f, false) == 448.0f && e4m3::encode(465.0f, false) == 0x7f);
static_assert(e5m2::round(61439.0f, false) == 57344.0f && e5m2::encode(61440.0f, false) == 0x7c);
static_assert(e4m3::round(0.0009765625f) == 0.0f && e4m3::encode(0.00146484375f) == 1);
static_assert(e2m1::round(2.5f) == 2.0f && e2m1::round(-5.0f) == -4.0f && e2m1::encode(-0.75f) == 10);
static_assert(e8m0::decode(0) == 0x1p-127f && e8m0::decode(127) == 1.0f && e8m0::encode(-200) == 0);

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_MX_HPP
#define QFA_COMPRESS_MX_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/code_table.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/minifloat.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// How many neighboring columns share one E8M0 scale (OCP Microscaling Formats, 2023).
inline constexpr std::size_t mx_block = 32;

/// The shared exponent of a block, for elements whose largest number is `limit`, of exponent `emax`:
///   floor   floor(log2 max|w|) - emax: OCP, torchao's default, ggml, microxcaling.  What is beyond the limit saturates
///   even    the same of max|w| rounded to the elements' mantissa, half up: compressed-tensors, torchao's EVEN
///   ceil    ceil(log2 max|w|) - emax: torchao's CEIL
///   rceil   ceil(log2(max|w| / limit)): ModelOpt, cuBLAS, torchao's RCEIL.  Nothing saturates
enum class mx_scale : std::uint8_t { floor, even, ceil, rceil };
inline constexpr std::array<std::string_view, 4> mx_scale_names{"floor", "even", "ceil", "rceil"};
constexpr const auto& names_of(mx_scale) noexcept { return mx_scale_names; }

/// The exponent of a block's E8M0 scale.  Of a block of zeros it is the lowest, -127, and others are no lower.
template <class Number>
constexpr int shared_exponent(float peak, mx_scale rule) noexcept {
  if (rule == mx_scale::rceil) peak /= Number::limit();
  if (peak == 0.0f) return e8m0::lowest_exponent;
  int exponent = 0;
  switch (rule) {
    case mx_scale::floor:
      exponent = floor_log2(peak) - Number::highest_exponent;
      break;
    case mx_scale::even: {
      // Half a unit of the last kept bit; a carry out of the mantissa raises the exponent.
      constexpr std::uint32_t half = std::uint32_t{1} << (22 - Number::mantissa_bits);
      exponent = floor_log2(std::bit_cast<float>(std::bit_cast<std::uint32_t>(peak) + half)) - Number::highest_exponent;
      break;
    }
    case mx_scale::ceil:
      exponent = ceil_log2(peak) - Number::highest_exponent;
      break;
    case mx_scale::rceil:
      exponent = ceil_log2(peak);
      break;
  }
  return static_cast<int>(e8m0::encode(exponent)) + e8m0::lowest_exponent;
}
// 1.75 is the least mantissa that `even` takes for 2.
static_assert(shared_exponent<e2m1>(7.0f, mx_scale::even) == 1 && shared_exponent<e2m1>(6.99f, mx_scale::even) == 0);
static_assert(shared_exponent<e2m1>(6.0f, mx_scale::rceil) == 0 && shared_exponent<e2m1>(6.01f, mx_scale::rceil) == 1);

/// Where a weight halfway between two E2M1 numbers goes:
///   even    to the even mantissa: torchao, compressed-tensors
///   lower   toward zero, and from zero's neighborhood to +0: ggml and ModelOpt search the codes in order, strictly
///   away    away from zero: microxcaling
enum class mx_ties : std::uint8_t { even, lower, away };
inline constexpr std::array<std::string_view, 3> mx_ties_names{"even", "lower", "away"};
constexpr const auto& names_of(mx_ties) noexcept { return mx_ties_names; }

/// The magnitudes of E2M1.
inline constexpr code_table<8> e2m1_magnitudes = midpoint_table<8>({0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f});

/// The nearest number of E2M1, saturating.
template <mx_ties Ties>
constexpr float round_to_e2m1(float x) noexcept {
  if constexpr (Ties == mx_ties::even) return e2m1::round(x);
  const float magnitude = std::bit_cast<float>(magnitude_bits(x));
  const float r = Ties == mx_ties::lower ? e2m1_magnitudes.round(magnitude) : e2m1_magnitudes.round_ties_up(magnitude);
  if (Ties == mx_ties::lower && r == 0.0f) return 0.0f;
  return std::bit_cast<std::uint32_t>(x) >> 31 != 0 ? -r : r;
}

/// MXFP4 of OCP: blocks of 32 columns of E2M1 with an E8M0 scale, 4.25 bits a weight.
///
///   w <- round(w / 2^e) 2^e,  e = shared_exponent(max|w| of the block)
///
/// Divisions and products by powers of two are exact, so every implementation with the same rules has the same values.
struct mxfp4 {
  mx_scale scale = mx_scale::floor;
  mx_ties ties = mx_ties::even;

  /// Throws on weights that are not finite, or so large that they might not stay so; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    roundable_row_peaks(weights, info);
    switch (ties) {
      case mx_ties::even:
        quantize<mx_ties::even>(weights);
        break;
      case mx_ties::lower:
        quantize<mx_ties::lower>(weights);
        break;
      case mx_ties::away:
        quantize<mx_ties::away>(weights);
        break;
    }
  }

  /// Four bits a weight and eight for each block.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    return 4.0 * static_cast<double>(rows * columns) + 8.0 * static_cast<double>(rows * block_count(columns, mx_block));
  }

  static constexpr std::string_view spec_name = "mxfp4";
  static constexpr std::string_view summary = "round to E2M1 with a power of two for each 32 columns (OCP MXFP4)";
  static constexpr auto fields() {
    return std::tuple{field{"scale", &mxfp4::scale, "how the power of two is found"},
                      field{"ties", &mxfp4::ties, "where halfway weights go"}};
  }
  std::string name() const { return spec_of(*this); }

 private:
  template <mx_ties Ties>
  void quantize(matrix_view<float> weights) const {
    for_each_row_block(weights, mx_block, [this](std::span<float> block) {
      const float s = power_of_two(shared_exponent<e2m1>(absmax(block), scale));
      for (float& w : block)
        w = round_to_e2m1<Ties>(w / s) * s;
    });
  }
};

/// MXFP8 of OCP: blocks of 32 columns of E4M3 or E5M2 with an E8M0 scale, 8.25 bits a weight; half to even, saturating.
struct mxfp8 {
  fp8_format format = fp8_format::e4m3;
  mx_scale scale = mx_scale::floor;

  /// Throws on weights that are not finite, or so large that they might not stay so; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    roundable_row_peaks(weights, info);
    if (format == fp8_format::e4m3)
      quantize<e4m3>(weights);
    else
      quantize<e5m2>(weights);
  }

  /// Eight bits a weight and eight for each block.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const {
    return 8.0 * static_cast<double>(rows * columns) + 8.0 * static_cast<double>(rows * block_count(columns, mx_block));
  }

  static constexpr std::string_view spec_name = "mxfp8";
  static constexpr std::string_view summary =
      "round to an 8-bit float with a power of two for each 32 columns (OCP MXFP8)";
  static constexpr auto fields() {
    return std::tuple{field{"format", &mxfp8::format, "e4m3 or e5m2"},
                      field{"scale", &mxfp8::scale, "how the power of two is found"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for a format that is neither e4m3 nor e5m2.
  void validate() const {
    if (format != fp8_format::e4m3 && format != fp8_format::e5m2)
      fail("mxfp8's format must be e4m3 or e5m2, not " + std::string(name_of(format)));
  }

 private:
  template <class Number>
  void quantize(matrix_view<float> weights) const {
    for_each_row_block(weights, mx_block, [this](std::span<float> block) {
      const float s = power_of_two(shared_exponent<Number>(absmax(block), scale));
      for (float& w : block)
        w = Number::round(w / s) * s;
    });
  }
};

static_assert(described_policy<mxfp4> && named_policy<mxfp4>);
static_assert(described_policy<mxfp8> && named_policy<mxfp8>);

}  // namespace qfa

#endif

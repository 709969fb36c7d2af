// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INTEGER_SCALE_HPP
#define QFA_COMPRESS_INTEGER_SCALE_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "qfa/compress/integer_round.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/stored_scale.hpp"
#include "qfa/core/exact.hpp"

namespace qfa {

/// The integers a code may be: from -2^(bits - 1) (full) or -(2^(bits - 1) - 1) (narrow) to 2^(bits - 1) - 1.
enum class code_range : std::uint8_t { full, narrow };
inline constexpr std::array<std::string_view, 2> code_range_names{"full", "narrow"};
constexpr const auto& names_of(code_range) noexcept { return code_range_names; }

/// The scale of a symmetric grid, a the group's largest |w|.  At 4 bits and a = 1:
///   absmax_qmax         a / qmax, 1/7: the papers', AutoAWQ, quanto, ModelOpt, bitsandbytes
///   absmax_half_range   a / ((qmax - qmin) / 2), 1/7.5: compressed-tensors, torchao; +a is clipped
///   gptq                the same, but half of it for a group without a negative weight; codes are stored above a zero
///                       point of 2^(bits - 1), so that -0 comes back as 0
///   signed_max          the first weight of magnitude a, over -2^(bits - 1): ggml's Q4_0; the scale may be negative
///   no_clip             max(min / qmin, max / qmax) with 0 among the weights: torchao's SYMMETRIC_NO_CLIPPING_ERR
enum class symmetric_scale : std::uint8_t { absmax_qmax, absmax_half_range, gptq, signed_max, no_clip };
inline constexpr std::array<std::string_view, 5> symmetric_scale_names{"absmax_qmax", "absmax_half_range", "gptq",
                                                                       "signed_max", "no_clip"};
constexpr const auto& names_of(symmetric_scale) noexcept { return symmetric_scale_names; }

/// Where an affine grid, of scale (max - min) / (qmax - qmin), has its zero.
///   rounded   z = clamp(qmin - round(min / s)),  q = clamp(round(w / s) + z): GPTQ, AWQ, torchao
///   summed    z = round(clamp(qmin - min / s)),  q = clamp(round(w / s + z)): compressed-tensors
///   shift     a float: q = clamp(round((w - min) / s)) from 0 to qmax - qmin, read as q s + min: quanto, KIVI, ggml's
///             Q4_1
enum class zero_point : std::uint8_t { rounded, summed, shift };
inline constexpr std::array<std::string_view, 3> zero_point_names{"rounded", "summed", "shift"};
constexpr const auto& names_of(zero_point) noexcept { return zero_point_names; }

/// How weights are divided by the scale s = a / D, and codes multiplied.
///   divide       w / s, q s
///   reciprocal   w (1 / s), q s: torchao (w / s in a group whose 1 / s is infinite)
///   inverse      m = D / a is what is stored: w m, q / m: ModelOpt
///   peak         a is what is stored: (w D) / a, (q a) / D: bitsandbytes
enum class scale_division : std::uint8_t { divide, reciprocal, inverse, peak };
inline constexpr std::array<std::string_view, 4> scale_division_names{"divide", "reciprocal", "inverse", "peak"};
constexpr const auto& names_of(scale_division) noexcept { return scale_division_names; }

/// What keeps the scale of a group of zeros, or of tiny weights, from vanishing.  Whatever is 0 in spite of it is 1; a
/// scale that is not 0, but too small for the type it is stored in, becomes the least number of that type.
///   one            nothing else: the papers', quanto, bitsandbytes
///   width_1e-5     a, or max - min, is at least 1e-5: AWQ
///   scale_eps      s is at least 2^-23: compressed-tensors
///   scale_normal   s is at least 2^-126: torchao
///   unit_range     zeros alone have the range from -1 to 1, which shows in scale and codes, not in weights: GPTQ
///   zeros          where a <= 2^-24, all weights become 0: ModelOpt
enum class tiny_group : std::uint8_t { one, width_1e_5, scale_eps, scale_normal, unit_range, zeros };
inline constexpr std::array<std::string_view, 6> tiny_group_names{"one",          "width_1e-5", "scale_eps",
                                                                  "scale_normal", "unit_range", "zeros"};
constexpr const auto& names_of(tiny_group) noexcept { return tiny_group_names; }

/// What the codes of one group are read with.
struct group_scale {
  float scale = 1.0f;  ///< s; m = D / a where that is stored, or a: see scale_division
  float zero = 0.0f;   ///< the zero point among the codes qmin to qmax, or min for zero_point::shift
  bool empty = false;  ///< all weights are 0: the scale stands for nothing
};

/// The smallest and the largest of finite weights, at least one, in sixteen lanes that compilers make vectors of: with
/// them "int:bits=4" takes 0.8 ns a weight on one AVX-512 thread, with one running pair 3.0.
inline std::pair<float, float> extremes(std::span<const float> group) noexcept {
  std::array<float, 16> lows, highs;
  lows.fill(group[0]);
  highs.fill(group[0]);
  const auto take = [&](std::size_t lane, float w) {
    lows[lane] = w < lows[lane] ? w : lows[lane];
    highs[lane] = highs[lane] < w ? w : highs[lane];
  };
  const std::size_t whole = group.size() / 16 * 16;
  for (std::size_t i = 0; i < whole; i += 16)
    for (std::size_t lane = 0; lane < 16; ++lane)
      take(lane, group[i + lane]);
  for (std::size_t i = whole; i < group.size(); ++i)
    take(i - whole, group[i]);
  return {*std::min_element(lows.begin(), lows.end()), *std::max_element(highs.begin(), highs.end())};
}

/// Which scale and zero point a group of weights gets: one value per choice, each by the sources named there.
///
/// Every operation is rounded to `arithmetic`, as torch does on tensors of that type; s is then rounded as it is
/// stored, and codes are found by the stored one.
struct integer_scale {
  int bits = 8;  ///< 2 to 8
  bool symmetric = true;
  code_range range = code_range::full;
  symmetric_scale scale = symmetric_scale::absmax_qmax;     ///< of symmetric grids
  bool zero_in_range = true;                                ///< of affine ones: min <= 0 <= max, whatever the weights
  zero_point zero = zero_point::rounded;                    ///< of affine ones
  integer_rounding rounding = integer_rounding::half_even;  ///< of codes, and of zero points
  scale_division division = scale_division::divide;
  tiny_group tiny = tiny_group::one;
  stored_scale store = stored_scale::fp32;
  float_format arithmetic = float_format::fp32;

  constexpr float qmax() const noexcept { return static_cast<float>((1 << (bits - 1)) - 1); }
  constexpr float qmin() const noexcept { return range == code_range::full ? -qmax() - 1.0f : -qmax(); }
  /// The D of s = a / D.
  constexpr float divisor() const noexcept {
    switch (scale) {
      case symmetric_scale::absmax_half_range:
      case symmetric_scale::gptq:
        return (qmax() - qmin()) / 2.0f;
      case symmetric_scale::signed_max:
        return -qmax() - 1.0f;
      case symmetric_scale::absmax_qmax:
      case symmetric_scale::no_clip:
        break;
    }
    return qmax();
  }

  /// Of a group, never empty, whose weights `arithmetic` holds, with its extremes shrunk by the factor `shrink`.
  group_scale operator()(std::span<const float> group, float shrink = 1.0f) const noexcept {
    auto [low, high] = extremes(group);
    if (symmetric || zero_in_range) {
      low = low < 0.0f ? low : 0.0f;
      high = high > 0.0f ? high : 0.0f;
    }
    const bool empty = tiny == tiny_group::zeros && (std::max)(-low, high) <= 0x1p-24f;
    if (empty) return {1.0f, 0.0f, true};
    if (tiny == tiny_group::unit_range && low == 0.0f && high == 0.0f) {
      low = -1.0f;
      high = 1.0f;
    }
    return symmetric ? symmetric_of(group, low, high, shrink) : affine_of(shrunk(low, shrink), shrunk(high, shrink));
  }

  /// Bits that a group's scale and zero point take: a scale is no wider than the arithmetic; integer zero points take
  /// what a code takes, GPTQ's constant one too, since its checkpoints store it.
  constexpr int stored_bits() const noexcept {
    const int of_scale = (std::min)(bits_of(store), bits_of(arithmetic));
    if (symmetric) return of_scale + (scale == symmetric_scale::gptq ? bits : 0);
    return of_scale + (zero == zero_point::shift ? of_scale : bits);
  }

 private:
  constexpr float rounded(float x) const noexcept { return round_to(arithmetic, x); }
  constexpr float shrunk(float x, float factor) const noexcept { return rounded(rounded_product(x, factor)); }
  constexpr float clamped(float q) const noexcept { return q < qmin() ? qmin() : q > qmax() ? qmax() : q; }

  /// The scale as codes will see it.
  constexpr float stored(float s) const noexcept {
    if (tiny == tiny_group::scale_eps) s = (std::max)(s, rounded(0x1p-23f));
    if (tiny == tiny_group::scale_normal) s = (std::max)(s, rounded(0x1p-126f));
    if (s == 0.0f) s = 1.0f;
    const float kept = as_stored(store, s);
    return kept != 0.0f ? kept : s < 0.0f ? -least_positive(store) : least_positive(store);
  }

  group_scale symmetric_of(std::span<const float> group, float low, float high, float shrink) const noexcept {
    float peak = (std::max)(-low, high);
    if (scale == symmetric_scale::signed_max) {
      const auto same = [peak](float w) { return w == peak || w == -peak; };
      peak = *std::find_if(group.begin(), group.end() - 1, same);
    }
    peak = shrunk(peak, shrink);
    if (tiny == tiny_group::width_1e_5) peak = (std::max)(peak, rounded(1e-5f));
    if (division == scale_division::peak) return {peak == 0.0f ? 1.0f : peak};
    if (division == scale_division::inverse) {
      const float m = peak == 0.0f ? 1.0f : rounded(divisor() / peak);
      // Where m is infinite, all of the weights are smaller than any grid of use: m = 1 rounds them to 0.
      return {magnitude_bits(m) >= infinity_bits ? 1.0f : m};
    }
    if (scale == symmetric_scale::no_clip)
      return {stored((std::max)(rounded(shrunk(low, shrink) / qmin()), rounded(shrunk(high, shrink) / qmax())))};
    // Without a negative weight GPTQ's range begins at 0: its width is a, not 2 a.
    const bool half = scale == symmetric_scale::gptq && !(low < 0.0f);
    return {stored(rounded(peak / (half ? qmax() - qmin() : divisor())))};
  }

  group_scale affine_of(float low, float high) const noexcept {
    float width = rounded(high - low);
    if (tiny == tiny_group::width_1e_5) width = (std::max)(width, rounded(1e-5f));
    const float s = stored(rounded(width / (qmax() - qmin())));
    switch (zero) {
      case zero_point::rounded:
        return {s, clamped(rounded(qmin() - round_to_integer(rounding, rounded(low / s))))};
      case zero_point::summed:
        return {s, round_to_integer(rounding, clamped(rounded(qmin() - rounded(low / s))))};
      case zero_point::shift:
        break;
    }
    return {s, as_stored(store, low)};
  }
};

}  // namespace qfa

#endif

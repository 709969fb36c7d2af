// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_ACTIVATION_QUANTIZER_HPP
#define QFA_COMPRESS_ACTIVATION_QUANTIZER_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "qfa/compress/absmax_grid.hpp"
#include "qfa/compress/fields.hpp"
#include "qfa/compress/needed_statistics.hpp"
#include "qfa/compress/token_peaks.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// Which activations share a scale.
///   token   one token's, found as it comes
///   text    a whole text's, found as it comes
///   fixed   all, found from calibration's peaks; "static" in spec strings
enum class activation_scale : std::uint8_t { token, text, fixed };
inline constexpr std::array<std::string_view, 3> activation_scale_names{"token", "text", "static"};
constexpr const auto& names_of(activation_scale) noexcept { return activation_scale_names; }

/// The scale of a symmetric grid, a the largest magnitude; codes are from -2^(bits - 1) to 2^(bits - 1) - 1.
///   absmax_qmax         a / (2^(bits - 1) - 1): the papers'
///   absmax_half_range   a / ((2^bits - 1) / 2), at least 2^-23: compressed-tensors; +a is clipped
enum class activation_grid : std::uint8_t { absmax_qmax, absmax_half_range };
inline constexpr std::array<std::string_view, 2> activation_grid_names{"absmax_qmax", "absmax_half_range"};
constexpr const auto& names_of(activation_grid) noexcept { return activation_grid_names; }

/// Rounds the inputs of linear layers to integers and leaves the weights alone: chained with a weight quantizer it
/// makes W8A8 and the like.
///
///   symmetric    `absmax_grid` with the scale that `scale` says; beyond a static scale values are clipped
///   asymmetric   low = min(x, 0), high = max(x, 0), scale = max((high - low) / (2^bits - 1), 2^-23)
///                zero = half_even(clamp(-2^(bits - 1) - low / scale, -2^(bits - 1), 2^(bits - 1) - 1))
///                value = (half_even(clamp(x / scale + zero, -2^(bits - 1), 2^(bits - 1) - 1)) - zero) scale
///
/// The latter is compressed-tensors' convention, which rounds the sum; its symmetric one is absmax_half_range.  In
/// double, rounded to float in the end.
struct activation_quantizer {
  int bits = 8;
  activation_scale per = activation_scale::token;
  bool symmetric = true;
  activation_grid scale = activation_grid::absmax_qmax;  ///< of symmetric grids

  void operator()(matrix_view<float>) const { validate(); }

  /// One text's inputs, a row a token.  Throws on activations that are not finite and, with a static scale, without
  /// calibration.
  void activations(matrix_view<float> x, const linear_input& input, const calibration& known) const {
    validate();
    if (x.empty()) return;
    range whole;
    if (per == activation_scale::fixed) {
      require_channels(known, x.columns(), spec_name, name_of(input));
      whole.include(known.inputs.peak());
    }
    finite_token_peaks(x, input);
    if (per == activation_scale::text)
      for (std::size_t t = 0; t < x.rows(); ++t)
        whole.include(x.row(t));
    for_each_row(x, [&](std::size_t, std::span<float> token) {
      range of_token = whole;
      if (per == activation_scale::token) of_token.include(token);
      if (symmetric)
        round_symmetric(token, of_token);
      else
        round_asymmetric(token, of_token);
    });
  }

  constexpr calibration_needs needs() const noexcept { return {.channels = per == activation_scale::fixed}; }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "act";
  static constexpr std::string_view summary = "round activations, not weights, to integers";
  static constexpr auto fields() {
    return std::tuple{
        field{"bits", &activation_quantizer::bits, "2 to 8"},
        field{"per", &activation_quantizer::per, "which activations share a scale"},
        field{"symmetric", &activation_quantizer::symmetric, "a grid around zero, or from low to high"},
        field{"scale", &activation_quantizer::scale, "what the largest magnitude is divided by, with symmetric=true"}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws for bits outside 2 to 8, and for per=static or a choice of scale without symmetric.
  void validate() const {
    if (bits < 2 || bits > 8) fail("act's bits must lie between 2 and 8, not be " + std::to_string(bits));
    if (!symmetric && per == activation_scale::fixed)
      fail("act with per=static is symmetric, since calibration keeps peaks and no smallest and largest inputs");
    if (!symmetric && scale != activation_grid::absmax_qmax) fail("act's scale is a choice of symmetric=true only");
  }

 private:
  /// From the smallest to the largest number seen, 0 included.
  struct range {
    double low = 0.0, high = 0.0;

    void include(std::span<const float> xs) noexcept {
      for (const float x : xs) {
        low = (std::min)(low, static_cast<double>(x));
        high = (std::max)(high, static_cast<double>(x));
      }
    }
  };

  void round_symmetric(std::span<float> xs, const range& r) const {
    const absmax_grid grid{bits};
    const double peak = (std::max)(-r.low, r.high);
    const double step = scale == activation_grid::absmax_qmax
                            ? grid.scale_for(peak)
                            : (std::max)(peak / (grid.highest() + 0.5), std::ldexp(1.0, -23));
    for (float& x : xs)
      x = static_cast<float>(grid.value(static_cast<double>(x), step));
  }

  void round_asymmetric(std::span<float> xs, const range& r) const {
    const double lowest = -static_cast<double>(1 << (bits - 1));
    const double highest = -lowest - 1.0;
    const double step = (std::max)((r.high - r.low) / (highest - lowest), std::ldexp(1.0, -23));
    const double zero = std::nearbyint(std::clamp(lowest - r.low / step, lowest, highest));
    for (float& x : xs) {
      const double code = std::nearbyint(std::clamp(static_cast<double>(x) / step + zero, lowest, highest));
      x = static_cast<float>((code - zero) * step);
    }
  }
};

static_assert(described_policy<activation_quantizer> && calibrated_activation_policy<activation_quantizer>);

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_BYTE_SCREEN_HPP
#define QFA_SAE_BYTE_SCREEN_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/batch.hpp"
#include "qfa/simd/kernels.hpp"
#include "qfa/simd/math.hpp"
#include "qfa/simd/packed_bytes.hpp"

namespace qfa {

/// What is known of one token's input x before any product: y = (x - mu) / r, its bytes a q, and what they leave out.
struct screened_token {
  float step = 0.0f;      ///< a: y is about a q, q in [-127, 127]
  float residual = 0.0f;  ///< at least |y - a q|
  float size = 0.0f;      ///< at least |y|
  float norm = 0.0f;      ///< at least |x| + 2^-49
};

namespace detail {

/// The smallest float that is no less than v.  At least 2^-60: products of two of these are no subnormals, which some
/// programs have flushed to zero.
inline float rounded_up(double v) noexcept {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  if (!(v < static_cast<double>((std::numeric_limits<float>::max)()))) return infinity;
  const auto f = static_cast<float>((std::max)(v, 0x1p-60));
  return static_cast<double>(f) < v ? std::nextafter(f, infinity) : f;
}

/// gamma_n = n u / (1 - n u), u = 2^-24: what n roundings in a row can do to a sum of products, in units of the sum of
/// their magnitudes (Higham 2002, section 3.1).
inline double rounding_bound(std::size_t n) noexcept {
  const double nu = static_cast<double>(n) * 0x1p-24;
  return nu / (1.0 - nu);
}

}  // namespace detail

/// Bounds on all products of an SAE's encoder from one product of bytes.
///
/// With y = (x - mu) / r, w' = r w, their bytes a q and c p, and the remainders e = y - a q, f = w' - c p:
///
///   x.w = mu.w + y.w' = mu.w + a c q.p + e.(c p) + y.f
///   |computed x.w - (mu.w + a c q.p)| <= |e| |c p| + |y| |f| + gamma_d |x| |w|
///
/// The first two terms are what bytes leave out (Cauchy and Schwarz), the last is what the float32 chain of d fused
/// multiply-adds may lose itself, subnormals flushed to zero or not.  q.p is an integer and exact.  Every factor on
/// the right is rounded up, and widened by 2^-18 of itself, more than the few roundings of the bound's own evaluation.
///
/// mu and r, one value for each input, come from a sample of inputs.  They hold no matter what they are; good ones make
/// the bounds tight where some inputs are much larger than others: on activations of Gemma-3-1B, whose largest
/// dimension is 360 times the median one, they take the undecided share from 68 % to 2 %.
class byte_screen {
 public:
  static constexpr std::size_t panel_width = simd::packed_bytes::panel_width;
  /// Beyond this depth 32-bit sums of products of bytes could overflow.
  static constexpr std::size_t most_inputs = 32768;

  /// w (columns, inputs), W_enc's columns as rows, of finite values; `sample` (tokens, inputs), some of what will be
  /// multiplied.
  byte_screen(matrix_view<const float> w, matrix_view<const float> sample)
      : bytes_(w.columns(), w.rows()),
        center_(w.columns(), 0.0f),
        shrink_(w.columns(), 1.0f),
        chain_(detail::rounding_bound(w.columns())) {
    choose_frame(w, sample);
    const std::size_t padded = bytes_.panels() * panel_width;
    for (auto* bound : {&low_, &high_, &step_, &size_, &rest_, &chained_})
      bound->assign(padded, 0.0f);
    parallel_for(bytes_.panels(), [&](std::size_t p) {
      std::vector<double> column(w.columns());
      for (std::size_t j = p * panel_width; j < (std::min)((p + 1) * panel_width, w.rows()); ++j)
        pack_column(w.row(j), j, column);
    });
  }

  std::size_t inputs() const noexcept { return center_.size(); }
  std::size_t columns() const noexcept { return bytes_.columns(); }
  std::size_t panels() const noexcept { return bytes_.panels(); }
  const simd::packed_bytes& bytes() const noexcept { return bytes_; }

  /// The bytes of one token, q + 128, four at a time to `to`, `to + stride`, ...: as packed_bytes' product reads them.
  /// `scratch` is memory for its work.
  template <class Arch>
  screened_token quantize(std::span<const float> x, std::uint8_t* to, std::size_t stride,
                          std::vector<float>& scratch) const {
    using batch = simd::floats<Arch>;
    const std::size_t d = x.size();
    scratch.resize(2 * d);
    const std::span<float> y(scratch.data(), d), rest(scratch.data() + d, d);
    simd::transform<Arch>(
        y, [](const batch& v, const batch& c, const batch& r) { return (v - c) * r; }, x.data(), center_.data(),
        shrink_.data());
    screened_token out;
    // Below 2^-60 a step is none: then all of y is remainder, which is true as well.
    const float step = simd::absmax<Arch>(y) / 127.0f;
    if (step >= 0x1p-60f && std::isfinite(step)) out.step = step;
    const batch a(out.step);
    const float per_step = out.step > 0.0f ? 1.0f / out.step : 0.0f;
    simd::transform<Arch>(
        rest, [&](const batch& v) { return simd::detail::nearest(v, per_step); }, y.data());
    // What rounds to an integer leaves it in the lowest bits, too; 128 more, and they are the byte.
    for (std::size_t k = 0; k < d; ++k)
      to[k / 4 * stride + k % 4] =
          static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(rest[k] + (simd::detail::rounding_shift + 128.0f)));
    for (std::size_t k = d; k % 4 != 0; ++k)
      to[k / 4 * stride + k % 4] = 128;
    simd::transform<Arch>(
        rest, [&](const batch& q, const batch& v) { return simd::fma(-a, q, v); }, rest.data(), y.data());
    // Each of these is short by no more than d roundings, and by no more than squares that underflow.
    const double short_by = 1.0 + detail::rounding_bound(d + 32),
                 underflow = std::sqrt(static_cast<double>(d)) * 0x1p-62;
    const auto length = [&](std::span<const float> v) {
      return std::sqrt(static_cast<double>(simd::sum_of_squares<Arch>(v))) * short_by + underflow;
    };
    const double size = length(y);
    // y has been rounded twice, and so has what is left of it: 2^-21 |y| covers both.
    out.residual = detail::rounded_up((length(rest) + 0x1p-21 * size) * widened);
    out.size = detail::rounded_up(size * (1.0 + 0x1p-21) * widened);
    out.norm = detail::rounded_up(length(x) * widened + 0x1p-49);
    return out;
  }

  /// At least the computed x.w of the columns [column, column + width), of whose tile `sums` has q.p.
  template <class Arch>
  simd::floats<Arch> upper(const screened_token& t, const simd::floats<Arch>& sums, std::size_t column) const noexcept {
    using batch = simd::floats<Arch>;
    batch out = simd::fma(sums, at<Arch>(step_, column) * batch(t.step), at<Arch>(high_, column));
    out = simd::fma(at<Arch>(size_, column), batch(t.residual), out);
    out = simd::fma(at<Arch>(rest_, column), batch(t.size), out);
    return simd::fma(at<Arch>(chained_, column), batch(t.norm), out);
  }
  /// At most the computed x.w.
  template <class Arch>
  simd::floats<Arch> lower(const screened_token& t, const simd::floats<Arch>& sums, std::size_t column) const noexcept {
    using batch = simd::floats<Arch>;
    batch out = simd::fma(sums, at<Arch>(step_, column) * batch(t.step), at<Arch>(low_, column));
    out = simd::fma(at<Arch>(size_, column), batch(-t.residual), out);
    out = simd::fma(at<Arch>(rest_, column), batch(-t.size), out);
    return simd::fma(at<Arch>(chained_, column), batch(-t.norm), out);
  }

  /// How far the computed x.w may be from the same product by fused multiply-adds in any order, in at most d + 32
  /// roundings; and from that, how far a sum of the two may be rounded.
  float error_of_rough(const screened_token& t, std::size_t column) const noexcept {
    // Two chains instead of one, and twice 32 more roundings than chained_ counts.
    return chained_[column] * (t.norm * (2.0f + 128.0f / static_cast<float>(inputs())));
  }

 private:
  static constexpr double widened = 1.0 + 0x1p-18;

  template <class Arch>
  static simd::floats<Arch> at(const simd::aligned_floats& values, std::size_t column) noexcept {
    return simd::floats<Arch>::load_aligned(values.data() + column);
  }

  /// mu: the sample's mean.  r = sqrt(spread of the input / length of its row of w): as much is lost to a byte of y as
  /// to a byte of w', the balance of SmoothQuant (Xiao et al. 2023) with root mean squares for maxima.
  void choose_frame(matrix_view<const float> w, matrix_view<const float> sample) {
    constexpr std::size_t enough = 16;  // fewer tokens say nothing of a mean
    const std::size_t d = w.columns();
    if (sample.rows() < enough) return;
    std::vector<double> mean(d, 0.0), spread(d, 0.0), length(d, 0.0);
    const auto n = static_cast<double>(sample.rows());
    for (std::size_t t = 0; t < sample.rows(); ++t)
      for (std::size_t k = 0; k < d; ++k)
        mean[k] += static_cast<double>(sample(t, k)) / n;
    for (std::size_t k = 0; k < d; ++k)
      center_[k] = static_cast<float>(mean[k]);
    for (std::size_t t = 0; t < sample.rows(); ++t)
      for (std::size_t k = 0; k < d; ++k) {
        const double off = static_cast<double>(sample(t, k)) - static_cast<double>(center_[k]);
        spread[k] += off * off / n;
      }
    double all_spread = 0.0, all_length = 0.0;
    for (std::size_t j = 0; j < w.rows(); ++j)
      for (std::size_t k = 0; k < d; ++k)
        length[k] += static_cast<double>(w(j, k)) * static_cast<double>(w(j, k));
    for (std::size_t k = 0; k < d; ++k) {
      all_spread += spread[k];
      all_length += length[k];
    }
    // What hardly varies in the sample may do so later: not less than a thousandth of the average.
    const double least_spread = 1e-6 * all_spread / static_cast<double>(d);
    const double least_length = 1e-6 * all_length / static_cast<double>(d);
    for (std::size_t k = 0; k < d; ++k) {
      const double r = std::pow((std::max)(spread[k], least_spread) / (std::max)(length[k], least_length), 0.25);
      if (r > 0x1p-30 && r < 0x1p30) shrink_[k] = static_cast<float>(1.0 / r);
    }
  }

  void pack_column(std::span<const float> w, std::size_t j, std::vector<double>& scaled) {
    const std::size_t d = w.size();
    double largest = 0.0, length = 0.0, scaled_length = 0.0, moved = 0.0, moved_by = 0.0;
    for (std::size_t k = 0; k < d; ++k) {
      const auto value = static_cast<double>(w[k]);
      const double by_center = static_cast<double>(center_[k]) * value;
      scaled[k] = value / static_cast<double>(shrink_[k]);
      largest = (std::max)(largest, std::fabs(scaled[k]));
      length += value * value;
      scaled_length += scaled[k] * scaled[k];
      moved += by_center;
      moved_by += std::fabs(by_center);
    }
    const auto step = static_cast<float>(largest / 127.0);
    if (step >= 0x1p-60f && std::isfinite(step)) step_[j] = step;
    const double c = static_cast<double>(step_[j]), per_step = step_[j] > 0.0f ? 1.0 / c : 0.0;
    double size = 0.0, rest = 0.0;
    for (std::size_t k = 0; k < d; ++k) {
      const double p = std::clamp(std::nearbyint(scaled[k] * per_step), -127.0, 127.0);
      bytes_.set(k, j, static_cast<std::int8_t>(p));
      size += c * p * (c * p);
      rest += (scaled[k] - c * p) * (scaled[k] - c * p);
    }
    size = std::sqrt(size);
    size_[j] = detail::rounded_up(size * widened);
    // 2^-19 |c p| |y|: the roundings that a c q.p goes through on its way into the sum.
    rest_[j] = detail::rounded_up((std::sqrt(rest) + 0x1p-19 * size + 0x1p-40 * std::sqrt(scaled_length)) * widened);
    chained_[j] = detail::rounded_up(chain_ * (std::sqrt(length) + 0x1p-49) * widened);
    const double slack = 0x1p-20 * moved_by;
    high_[j] = toward(moved + slack, std::numeric_limits<float>::infinity());
    low_[j] = toward(moved - slack, -std::numeric_limits<float>::infinity());
  }

  /// A float beyond v on the side of `end`.
  static float toward(double v, float end) noexcept {
    if (!(std::fabs(v) < static_cast<double>((std::numeric_limits<float>::max)()))) return end;
    return std::nextafter(static_cast<float>(v), end);
  }

  simd::packed_bytes bytes_;
  std::vector<float> center_, shrink_;  // (inputs): mu, 1 / r
  double chain_;                        // gamma_d
  // (columns, filled up): mu.w rounded down and up; c; |c p|; |f|; gamma_d |w|
  simd::aligned_floats low_, high_, step_, size_, rest_, chained_;
};

}  // namespace qfa

#endif

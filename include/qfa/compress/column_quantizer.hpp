// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_COLUMN_QUANTIZER_HPP
#define QFA_COMPRESS_COLUMN_QUANTIZER_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>

#include "qfa/core/blocks.hpp"

namespace qfa {

/// What GPTQ's loop asks of a quantizer, so that anybody's grid may take GPTQ's place:
///
///   q.find(group)              the parameters (a scale, a table of levels ...) that a row's group of weights gets
///   q.value(w, parameters)     the value that a weight becomes: one that a code can stand for
///
/// Both must be determined by their arguments, and `value` finite for finite weights.
template <class Q>
concept column_quantizer = requires(const Q& q, std::span<const double> group, double w,
                                    const typename Q::parameters& found) {
  requires std::default_initializable<typename Q::parameters> && std::copyable<typename Q::parameters>;
  { q.find(group) } -> std::same_as<typename Q::parameters>;
  { q.value(w, found) } -> std::same_as<double>;
};

/// The integer grid of GPTQ's own quantizer (Frantar et al. 2022; quant.py, AutoGPTQ and GPTQModel alike), in double:
///
///   low = min(w, 0), high = max(w, 0);  symmetric: high = max(-low, high), low = -high if low < 0;  both 0: -1 and 1
///   scale = (high - low) / (2^bits - 1),  zero = symmetric ? 2^(bits - 1) : half_even(-low / scale)
///   code = clamp(half_even(w / scale) + zero, 0, 2^bits - 1),  value = scale (code - zero)
///
/// So the symmetric grid of 4 bits has scale absmax / 7.5, and +absmax is clipped to 7 / 7.5 of itself.  A symmetric
/// group without negative weights keeps low = 0 and loses half of its range; that is how the tools have it.
///
/// `mse` shrinks low and high alike by 1 - i / 100, i = 0 .. 79, and keeps the first i with the least sum of
/// |value - w|^2.4.
struct gptq_grid {
  int bits = 4;
  bool symmetric = true;
  bool mse = false;

  struct parameters {
    double scale = 1.0;
    double zero = 0.0;
  };

  parameters find(std::span<const double> group) const {
    double low = 0.0, high = 0.0;
    for (const double w : group) {
      low = (std::min)(low, w);
      high = (std::max)(high, w);
    }
    if (symmetric) {
      high = (std::max)(-low, high);
      if (low < 0.0) low = -high;
    }
    if (low == 0.0 && high == 0.0) low = -1.0, high = 1.0;
    const parameters whole = between(low, high);
    return mse ? shrunk(group, low, high) : whole;
  }

  double value(double w, const parameters& p) const noexcept { return p.scale * (code(w, p) - p.zero); }

  /// 0 to 2^bits - 1.  std::nearbyint rounds halves to even unless somebody changed the rounding mode.
  double code(double w, const parameters& p) const noexcept {
    return std::clamp(std::nearbyint(w / p.scale) + p.zero, 0.0, highest());
  }

 private:
  double highest() const noexcept { return static_cast<double>((1 << bits) - 1); }

  /// A range so small that its scale would be 0 in double has no grid: scale 1 turns its weights into 0.
  parameters between(double low, double high) const noexcept {
    const double scale = (high - low) / highest();
    if (scale == 0.0) return {1.0, 0.0};
    return {scale, symmetric ? (highest() + 1.0) / 2.0 : std::nearbyint(-low / scale)};
  }

  parameters shrunk(std::span<const double> group, double low, double high) const {
    parameters best;
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 80; ++i) {
      const double share = 1.0 - i / 100.0;
      const parameters tried = between(share * low, share * high);
      double error = 0.0;
      for (const double w : group)
        error += std::pow(std::fabs(value(w, tried) - w), 2.4);
      if (error < least) {
        least = error;
        best = tried;
      }
    }
    return best;
  }
};

static_assert(column_quantizer<gptq_grid>);

/// What GPTQ's and AWQ's files hold of a matrix: the codes, and for each group of a row (0 columns: all of it) an fp16
/// scale and a zero of as many bits as a code, symmetric grids' too.
constexpr double grouped_code_bits(std::size_t rows, std::size_t columns, std::size_t group, int bits) noexcept {
  const std::size_t groups = group == 0 ? 1 : block_count(columns, group);
  return static_cast<double>(rows * columns) * bits + static_cast<double>(rows * groups) * (16 + bits);
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_DAMAGE_LAW_HPP
#define QFA_BITS_DAMAGE_LAW_HPP

#include <cmath>
#include <limits>

#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How a feature's noise to signal falls with the bits of the weights, nu(b) = c 4^-b + a 2^-b.
///
/// Rounding moves a pre-activation by noise of a deviation sigma that goes as 2^-b.  Where the gate is open on both
/// sides it costs sigma^2, whence c.  It crosses the threshold theta with a probability that goes as sigma, at a cost
/// of theta^2 each time, whence a: a ReLU has theta = 0 and loses two powers of two a bit, a JumpReLU or TopK SAE is
/// carried by flips and loses little more than one.
struct damage_law {
  double c = 0.0;  ///< of 4^-b: gain
  double a = 0.0;  ///< of 2^-b: flips of the gate

  double operator()(double bits) const noexcept {
    const double u = std::exp2(-bits);
    return (c * u + a) * u;
  }

  /// d log2 nu / db, from -2 (gain alone) to -1 (flips alone).
  double slope(double bits) const noexcept {
    const double u = std::exp2(-bits);
    return -(2.0 * c * u + a) / (c * u + a);
  }

  /// nu(b - 1) / nu(b): by how much the bit below b multiplies the noise, 2 to 4.
  double ratio_per_bit(double bits) const noexcept {
    const double u = std::exp2(-bits);
    return (4.0 * c * u + 2.0 * a) / (c * u + a);
  }

  constexpr bool operator==(const damage_law&) const = default;
};

/// Noise to signal of a correlation where bits are spoken of: 0 for r = 1, up to rounding, and infinite where nothing
/// of the signal is left, r <= 0 or undefined.  (nu itself does not know the sign of r, and calls r = -0.9 a small
/// noise.)
inline double noise_left(double r) noexcept {
  if (!(r > 0.0)) return std::numeric_limits<double>::infinity();
  return noise_to_signal(without_rounding(interval_scale::atanh, r));
}

}  // namespace qfa

#endif

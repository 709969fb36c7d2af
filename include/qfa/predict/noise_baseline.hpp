// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_NOISE_BASELINE_HPP
#define QFA_PREDICT_NOISE_BASELINE_HPP

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Noise to signal that a feature would suffer if the error of the activations had no direction:
///
///   nu = p s^2 |e|^2 / Var x
///
/// p = rate of firing, s^2 = E|D|^2 / d the error's energy per dimension, e the feature's encoder column, x its code.
/// Isotropic error of variance s^2 moves the pre-activation by variance s^2 |e|^2, and only where the feature fires
/// does that reach its code.  Nothing is fitted: a predictor of survival has to beat the ranking by -nu.  NaN for a
/// feature that does not vary.
inline double isotropic_noise_to_signal(double rate, double error_per_dimension, double encoder_norm_squared,
                                        double variance) noexcept {
  if (!(variance > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  return rate * error_per_dimension * encoder_norm_squared / variance;
}

/// The variance of an error that would cost a ReLU what an error of variance `variance` costs a JumpReLU with threshold
/// theta, whose crossings cost about theta^2 each: with sigma the error's standard deviation and f the pre-activation's
/// density at the threshold,
///
///   E(y - x)^2 = p sigma^2 + sqrt(2/pi) theta^2 f sigma = p (sigma^2 + sqrt(2/pi) theta^2 (f/p) sigma),
///   f/p = near / (0.1 theta)
///
/// where `near` is the share of the feature's firings less than a tenth above the threshold (sae/near_threshold.hpp).
inline double gated_error_variance(double variance, double threshold, double nearby) noexcept {
  constexpr double root_of_2_over_pi = 0.79788456080286535588;
  return variance + root_of_2_over_pi * 10.0 * threshold * nearby * std::sqrt(variance);
}

/// |e_j|^2 for each column of an encoder of shape (d_in, d_sae), row-major, as `sae::w_enc` holds it.  Throws where it
/// is of another size.
inline std::vector<double> encoder_norms_squared(std::span<const float> w_enc, std::size_t d_in, std::size_t d_sae) {
  require(w_enc.size() == d_in * d_sae, "encoder_norms_squared needs d_in rows of d_sae weights");
  std::vector<double> norms(d_sae, 0.0);
  for (std::size_t i = 0; i < d_in; ++i)
    for (std::size_t j = 0; j < d_sae; ++j) {
      const auto w = static_cast<double>(w_enc[i * d_sae + j]);
      norms[j] += w * w;
    }
  return norms;
}

}  // namespace qfa

#endif

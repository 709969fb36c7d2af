// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_FEATURE_NOISE_LAW_HPP
#define QFA_LAW_FEATURE_NOISE_LAW_HPP

#include <cmath>

namespace qfa {

/// Noise-to-signal (1 - r^2) / r^2 of an autoencoder's features, averaged, in a model of N parameters trained on D
/// tokens and quantized to b bits:
///
///   nu = C D^gamma_D / N^gamma_N (4^-b + kappa 2^-b)
///
/// This project's form, not a published one.  An error of sd sigma ~ 2^-b in a pre-activation costs sigma^2 while the
/// feature goes on firing, and ~ sigma where it crosses a threshold theta at which it jumps by theta: hence 4^-b for
/// ReLU, 2^-b for JumpReLU and TopK, and kappa for what is between.
struct feature_noise_law {
  double c = 0.0;
  double gamma_d = 0.0;
  double gamma_n = 0.0;
  double kappa = 0.0;  ///< of crossed thresholds against gain; 0: gain alone

  double operator()(double parameters, double tokens, double bits) const noexcept {
    return std::exp(std::log(c) + gamma_d * std::log(tokens) - gamma_n * std::log(parameters)) * ladder(kappa, bits);
  }

  /// 4^-b + kappa 2^-b.
  static double ladder(double kappa, double bits) noexcept {
    const double step = std::exp2(-bits);
    return step * step + kappa * step;
  }
};

}  // namespace qfa

#endif

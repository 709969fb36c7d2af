// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_LOSS_LAW_HPP
#define QFA_LAW_LOSS_LAW_HPP

#include <cmath>

namespace qfa {

/// L = A N^-alpha + B D^-beta + E in nats a token (Hoffmann et al. 2022); with N_eff in place of N it is the loss after
/// training in few bits (Kumar et al. 2024, eq. 4).
struct loss_law {
  double a = 0.0;
  double alpha = 0.0;
  double b = 0.0;
  double beta = 0.0;
  double e = 0.0;

  double operator()(double parameters, double tokens) const noexcept {
    return a * std::pow(parameters, -alpha) + b * std::pow(tokens, -beta) + e;
  }
};

/// N_eff / N of a model of `parameters` whose loss is `low` when trained in few bits and `full` in full precision, same
/// tokens (Kumar et al. 2024, eq. 30):
///
///   low - full = A (N_eff^-alpha - N^-alpha)   =>   N_eff = ((low - full) / A + N^-alpha)^(-1 / alpha)
///
/// Above 1 where few bits did better; NaN where they did better than infinitely many parameters would.
inline double effective_share(const loss_law& law, double parameters, double low, double full) noexcept {
  const double power = (low - full) / law.a + std::pow(parameters, -law.alpha);
  return std::pow(power, -1.0 / law.alpha) / parameters;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_CRITICAL_TOKENS_HPP
#define QFA_LAW_CRITICAL_TOKENS_HPP

#include <cmath>
#include <limits>

#include "qfa/law/loss_law.hpp"
#include "qfa/law/ptq_degradation.hpp"

namespace qfa {

/// D_crit: tokens beyond which further training makes a model of N parameters worse once it is quantized to P bits.
///
/// The loss after quantization is L(N, D) + delta(N, D, P), of which two terms hold D.  At their least,
///
///   d/dD [B D^-beta + K D^gamma_D] = -beta B D^(-beta - 1) + gamma_D K D^(gamma_D - 1) = 0,
///   K = C N^-gamma_N e^(-P / gamma_post + b)
///   =>  D_crit^(gamma_D + beta) = beta B / (gamma_D K)
///   =>  D_crit = (beta B N^gamma_N e^(P / gamma_post - b) / (gamma_D C))^(1 / (gamma_D + beta)).
///
/// Kumar et al. 2024 print eq. 12 without the factor beta that the derivative of D^-beta leaves; eq. 13 has it, and the
/// exponent 1 / (gamma_D + beta).  It is a minimum: the first term falls, the second grows.  Infinite where the
/// degradation does not grow with training (gamma_D <= 0); NaN where the loss does not fall with it.
inline double critical_tokens(const loss_law& loss, const ptq_degradation& law, double parameters,
                              double bits) noexcept {
  if (!(loss.b > 0.0 && loss.beta > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  if (!(law.gamma_d > 0.0)) return std::numeric_limits<double>::infinity();
  const double slope =
      std::log(law.gamma_d) + std::log(law.c) - law.gamma_n * std::log(parameters) - bits / law.gamma_post + law.bias;
  return std::exp((std::log(loss.beta) + std::log(loss.b) - slope) / (law.gamma_d + loss.beta));
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_PTQ_DEGRADATION_HPP
#define QFA_LAW_PTQ_DEGRADATION_HPP

#include <cmath>

namespace qfa {

/// How much the loss, in nats a token, grows when a model of N parameters (without its embeddings), trained on D
/// tokens, is quantized to P bits after training (Kumar et al. 2024, arXiv 2411.04330, eq. 2):
///
///   delta = C D^gamma_D / N^gamma_N exp(-P / gamma_post + b)
///
/// Their table of constants has the bias b, their equation has not; e^b and C cannot be told apart by any table, so a
/// fit leaves b at 0.  More training makes it larger, more parameters smaller, a bit more divides it by
/// e^(1/gamma_post).
struct ptq_degradation {
  double c = 0.0;
  double gamma_d = 0.0;
  double gamma_n = 0.0;
  double gamma_post = 1.0;
  double bias = 0.0;

  double operator()(double parameters, double tokens, double bits) const noexcept {
    // One exponential of a sum: D^gamma_D alone may overflow nothing, but C need not be near 1.
    return std::exp(std::log(c) + gamma_d * std::log(tokens) - gamma_n * std::log(parameters) - bits / gamma_post +
                    bias);
  }
};

}  // namespace qfa

#endif

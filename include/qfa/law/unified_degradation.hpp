// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_UNIFIED_DEGRADATION_HPP
#define QFA_LAW_UNIFIED_DEGRADATION_HPP

#include <cmath>
#include <string>

#include "qfa/core/error.hpp"
#include "qfa/law/ptq_degradation.hpp"
#include "qfa/law/training_precision.hpp"

namespace qfa {

/// 1 - e^(-C (P_trained - P_post)): how much of the damage is left for a model that was trained in few bits already.
/// 0 where both precisions are the same, 1 for training in full precision.  Throws for C not above 0 and where more
/// bits are asked for than the model was trained in.
inline double precision_gap(double c, double trained, double post) {
  require(c > 0.0, "the constant C of a precision gap should be above 0");
  if (!(trained >= post))
    fail("a model trained in " + std::to_string(trained) + " bits is not quantized to " + std::to_string(post) +
         ": expected as many bits or fewer");
  return -std::expm1(-c * (trained - post));
}

/// Kumar et al. 2024, eq. 8: weights trained in `trained` bits, all else in full precision, N left as it is.
inline double degradation_of_trained_weights(const ptq_degradation& law, double c_w, double parameters, double tokens,
                                             double trained, double post) {
  return law(parameters, tokens, post) * precision_gap(c_w, trained, post);
}

/// Kumar et al. 2024, eq. 10: the degradation is the variance that quantization adds to that which training has seen,
/// sigma^2 ~ e^(-P / gamma_post), times C D^gamma_D / N_eff^gamma_N.  It is eq. 9 for weights alone with C_w =
/// 1 / gamma_post; the paper's "C_w = 1" holds for bits in units of gamma_post.
inline double degradation_of_variance(const ptq_degradation& law, double effective_parameters, double tokens,
                                      double trained, double post) {
  return law(effective_parameters, tokens, post) - law(effective_parameters, tokens, trained);
}

/// Kumar et al. 2024, eq. 9: N becomes N_eff, and weights, activations and cache each have their gap.  They print no
/// values for C_w, C_a and C_kv.
struct unified_degradation {
  ptq_degradation law;
  precision_responses responses;
  double c_w = 1.0;
  double c_a = 1.0;
  double c_kv = 1.0;

  double operator()(double parameters, double tokens, const training_bits& trained, double post) const {
    return law(parameters * responses(trained), tokens, post) * precision_gap(c_w, trained.weights, post) *
           precision_gap(c_a, trained.activations, post) * precision_gap(c_kv, trained.cache, post);
  }
};

}  // namespace qfa

#endif

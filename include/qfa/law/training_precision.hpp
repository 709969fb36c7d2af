// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_TRAINING_PRECISION_HPP
#define QFA_LAW_TRAINING_PRECISION_HPP

#include <cmath>
#include <limits>
#include <string>

#include "qfa/core/error.hpp"

namespace qfa {

/// The share of a model's parameters that training in P bits leaves: 1 - e^(-P / gamma + n).  The equations of Kumar et
/// al. 2024 have no n, their fitted constants do.
struct precision_response {
  double gamma = 1.0;
  double shift = 0.0;

  /// 1 at infinitely many bits.  Throws where the share is not positive: there the law says nothing (the authors left
  /// out runs with activations or caches of 3 bits and fewer).
  double operator()(double bits) const {
    const double share = -std::expm1(shift - bits / gamma);
    if (!(share > 0.0))
      fail("training in " + std::to_string(bits) + " bits is outside the law's domain: it leaves a share of " +
           std::to_string(share) + " of the parameters, expected more than 0");
    return share;
  }
};

/// Bits in which a model was trained; infinite where precision was full.
struct training_bits {
  double weights = std::numeric_limits<double>::infinity();
  double activations = std::numeric_limits<double>::infinity();
  double cache = std::numeric_limits<double>::infinity();
};

/// What training in few bits does to weights, activations and keys with values, each by itself.
struct precision_responses {
  precision_response weights, activations, cache;

  /// N_eff / N, the product of the three (Kumar et al. 2024, eq. 3).
  double operator()(const training_bits& trained) const {
    return weights(trained.weights) * activations(trained.activations) * cache(trained.cache);
  }
};

}  // namespace qfa

#endif

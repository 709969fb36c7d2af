// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_JOINT_PRECISION_HPP
#define QFA_LAW_JOINT_PRECISION_HPP

#include <algorithm>
#include <cmath>
#include <limits>

#include "qfa/law/least_point.hpp"
#include "qfa/law/training_precision.hpp"

namespace qfa {

/// P*: the bits in which to train when N, D and P are chosen together and compute is proportional to N D P.
///
/// With f(P) = N_eff / N and M = N f(P), the loss holds M and D = compute / (M P / f(P)).  Whatever M is, D is largest,
/// and the loss least, where P / f(P) is least: P* depends on neither the compute nor the exponents (Kumar et al. 2024,
/// section 4.3, where it comes to 7 to 8 bits; with their constants this gives 7.0, and 3.5 if the shifts n are left
/// out).  The same bits for weights, activations and cache; searched in [0.5, 32].
inline double joint_precision(const precision_responses& responses) {
  const auto share = [](const precision_response& r, double bits) {
    return (std::max)(0.0, -std::expm1(r.shift - bits / r.gamma));
  };
  const auto cost = [&](double bits) {
    const double f = share(responses.weights, bits) * share(responses.activations, bits) * share(responses.cache, bits);
    return f > 0.0 ? bits / f : std::numeric_limits<double>::infinity();
  };
  return least_on_grid(cost, 0.5, 32.0, 631).at;
}

}  // namespace qfa

#endif

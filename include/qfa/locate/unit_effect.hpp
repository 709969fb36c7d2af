// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_UNIT_EFFECT_HPP
#define QFA_LOCATE_UNIT_EFFECT_HPP

#include <cstddef>
#include <limits>
#include <vector>

#include "qfa/locate/feature_noise.hpp"
#include "qfa/model/loss_sums.hpp"

namespace qfa {

/// What a change of the model does, against the reference.
struct unit_effect {
  feature_noise noise;                   ///< of the bench's features
  std::vector<comparison_sum> losses{};  ///< by group of halves (locate/bench_groups.hpp); empty where not asked for
  bool reaches_hook = true;              ///< false: the pass left its trunk behind the hook, or was asked for no hook
  double fvu = std::numeric_limits<double>::quiet_NaN();  ///< of the SAE on a trunk's activations, or on all models'
                                                          ///< where the bench fits them; NaN otherwise
};

}  // namespace qfa

#endif

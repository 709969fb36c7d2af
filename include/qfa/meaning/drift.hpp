// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_DRIFT_HPP
#define QFA_MEANING_DRIFT_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/stats/percentile.hpp"

namespace qfa {

/// When a feature means something else, and when its magnitude is faithful all the same.
struct drift_rules {
  double percent = 99.0;  ///< of the controls, strictly above which a divergence is a change
  double high_r = 0.9;    ///< r on common support strictly above this is high
};

/// How many features mean something else: a divergence between the sides above the 99 % quantile of a control that has
/// no compression in it.
struct drift_census {
  double threshold = std::numeric_limits<double>::quiet_NaN();  ///< the quantile, in bits; NaN without controls
  std::size_t controls = 0;                                     ///< features whose control is defined
  std::size_t compared = 0;                                     ///< features with a divergence
  std::size_t changed = 0;                                      ///< of them
  /// [changed][r on common support high]: features of which both are known.
  std::array<std::array<std::size_t, 2>, 2> table{};
  std::size_t left_out = 0;  ///< of the measured features, not in the table

  bool is_change(double divergence) const noexcept { return divergence > threshold; }
};

/// Takes the census over the features that `measured` marks: one divergence, control and r on common support each, NaN
/// where undefined.  Rare features would set the threshold: measure those that fire often enough.  Throws where the
/// four differ in length.
inline drift_census count_drift(std::span<const double> divergence, std::span<const double> control,
                                std::span<const double> common_support_r, std::span<const std::uint8_t> measured,
                                const drift_rules& rules = {}) {
  require(divergence.size() == control.size() && divergence.size() == common_support_r.size() &&
              divergence.size() == measured.size(),
          "a census of meanings needs a divergence, a control and an r for each feature");
  drift_census out;
  std::vector<double> controls;
  for (std::size_t j = 0; j < divergence.size(); ++j)
    if (measured[j] != 0 && !std::isnan(control[j])) controls.push_back(control[j]);
  out.controls = controls.size();
  out.threshold = percentile(controls, rules.percent);
  for (std::size_t j = 0; j < divergence.size(); ++j) {
    if (measured[j] == 0) continue;
    const bool compared = !std::isnan(divergence[j]), changed = out.is_change(divergence[j]);
    out.compared += compared;
    out.changed += changed;
    if (compared && !std::isnan(common_support_r[j]))
      ++out.table[changed ? 1 : 0][common_support_r[j] > rules.high_r ? 1 : 0];
    else
      ++out.left_out;
  }
  return out;
}

}  // namespace qfa

#endif

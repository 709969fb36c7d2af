// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SURVIVAL_GAP_HPP
#define QFA_AUDIT_SURVIVAL_GAP_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compare/correlation.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// How much more one condition leaves of the features than another of the same audit: the difference of two means over
/// the features that both count, with the same group of rows left out of both.  What rows do to both conditions alike
/// is in neither interval, so two whose own intervals overlap may still differ for sure.
struct survival_gap {
  std::size_t features = 0;  ///< counted by both
  estimate survived;         ///< share with r above the limit of survival, a's less b's; of the smoothed counts
  estimate mean_r;           ///< a's less b's, of those whose r is defined in both; both on no scale, for either sign
};

/// Throws where the two surveys follow different protocols or have other groups of rows.
inline survival_gap compare_survival(const survey& a, const survey& b) {
  require(a.rules.name == b.rules.name, "compare_survival takes two surveys under the same protocol");
  const std::vector<std::uint32_t> both = counted_by_both(a, b);
  survival_gap out;
  out.features = both.size();
  out.survived = count_over(countable(a.correlations, both), countable(b.correlations, both),
                            outcome_chance{outcome::survived, a.rules.bands},
                            [](std::span<const double> of_a, std::span<const double> of_b) {
                              return mean_chance(of_a) - mean_chance(of_b);
                            })
                     .concluded({});
  out.mean_r = estimate_over(a, b,
                             [](std::span<const double> of_a, std::span<const double> of_b) {
                               const complete_pairs pairs = keep_complete_pairs(of_a, of_b);
                               return mean_correlation(pairs.a) - mean_correlation(pairs.b);
                             },
                             {});
  return out;
}

}  // namespace qfa

#endif

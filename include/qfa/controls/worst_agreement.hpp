// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_WORST_AGREEMENT_HPP
#define QFA_CONTROLS_WORST_AGREEMENT_HPP

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/audit/overlap.hpp"
#include "qfa/compare/top_overlap.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How much two compressions agree on the worst features, whatever number of them a threshold fails.
struct worst_agreement {
  estimate rank_biased;  ///< overlap of the rankings by damage, p = .9, the worst 500 of each; interval on logit
  double null_rank_biased = std::numeric_limits<double>::quiet_NaN();  ///< the mean of the same with matched noise
  std::size_t worst = 0;                                               ///< features in 5 % of the counted
  double common = std::numeric_limits<double>::quiet_NaN();            ///< share of them that is in both lists
  double null_common = std::numeric_limits<double>::quiet_NaN();       ///< the mean of the same with matched noise
};

/// `noise_of_a` and `noise_of_b` as `compare_with_null` takes them (controls/shared_damage.hpp).
inline worst_agreement compare_worst(const damage_sample& a, const damage_sample& b,
                                     std::span<const damage_sample> noise_of_a,
                                     std::span<const damage_sample> noise_of_b) {
  worst_agreement out;
  if (a.r.empty()) return out;
  const auto rank_biased = [](std::span<const double> x, std::span<const double> y) {
    return detail::rank_biased_of_damage(detail::damages(x), detail::damages(y));
  };
  const auto worst = [](std::span<const double> x, std::span<const double> y) {
    return worst_overlap(detail::damages(x), detail::damages(y), std::array{0.05}).front();
  };
  const auto without = [&](std::size_t g) { return rank_biased(a.without(g), b.without(g)); };
  out.rank_biased = jackknife(without(a.groups), a.groups, without, {.scale = interval_scale::logit});
  const top_overlap itself = worst(a.r, b.r);
  out.worst = itself.sizes.a;
  out.common = itself.common();
  double ranks = 0.0, common = 0.0;
  const auto add = [&](const damage_sample& x, const damage_sample& y) {
    ranks += rank_biased(x.r, y.r);
    common += worst(x.r, y.r).common();
  };
  for (const damage_sample& noise : noise_of_b)
    add(a, noise);
  for (const damage_sample& noise : noise_of_a)
    add(noise, b);
  const auto controls = static_cast<double>(noise_of_a.size() + noise_of_b.size());
  out.null_rank_biased = ratio(ranks, controls);
  out.null_common = ratio(common, controls);
  return out;
}

}  // namespace qfa

#endif

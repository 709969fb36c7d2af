// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_STRATIFIED_OVERLAP_HPP
#define QFA_CONTROLS_STRATIFIED_OVERLAP_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compare/deciles.hpp"
#include "qfa/compare/overlap.hpp"
#include "qfa/controls/controlled_prediction.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Whether two compressions fail the same features among those whose survival was equally foreseeable: Mantel and
/// Haenszel's odds ratio over deciles of predicted survival.  1 where what the reference shows of a feature explains
/// all that the two share.
struct stratified_overlap {
  estimate odds_ratio;  ///< interval on log; infinite or NaN where a stratum leaves no room
  /// The same with matched noise in the place of either compression: the geometric mean over sides and seeds.
  double null_odds_ratio = std::numeric_limits<double>::quiet_NaN();
};

/// What the reference foretells of each feature's survival under two compressions: the mean of both fits' log odds,
/// each scored out of fold, so that no feature's own fate is in it.  Of one fit where the other could not be made,
/// empty where neither could.
inline std::vector<double> foretold_survival(const controlled_prediction& a, const controlled_prediction& b) {
  const auto of = [](const controlled_prediction& p) { return p.fitted ? p.fitted->log_odds : std::vector<double>{}; };
  std::vector<double> out = of(a);
  const std::vector<double> other = of(b);
  if (out.empty()) return other;
  for (std::size_t f = 0; f < other.size(); ++f)
    out[f] = 0.5 * (out[f] + other[f]);
  return out;
}

/// `foretold` is one number for each feature, larger where survival is likelier, or empty.  Strata stay what they are
/// on all groups where one is left out: they say which features are compared, and are no part of what is estimated.
/// `noise_of_a` and `noise_of_b` as `compare_with_null` takes them.
inline stratified_overlap compare_within_strata(const damage_sample& a, const damage_sample& b,
                                                std::span<const double> foretold,
                                                std::span<const damage_sample> noise_of_a,
                                                std::span<const damage_sample> noise_of_b, double limit = 0.9) {
  stratified_overlap out;
  if (foretold.empty()) {
    out.odds_ratio.range.reason = "survival could be predicted under neither policy";
    return out;
  }
  const std::vector<std::uint32_t> strata = deciles_of(foretold);
  const auto odds = [&](std::span<const std::uint8_t> in_a, std::span<const std::uint8_t> in_b) {
    return mantel_haenszel_odds_ratio(count_overlap_by_stratum(in_a, in_b, strata, decile_count));
  };
  const auto without = [&](std::size_t g) {
    return odds(not_surviving(a.without(g), limit), not_surviving(b.without(g), limit));
  };
  out.odds_ratio = jackknife(without(a.groups), a.groups, without, {.scale = interval_scale::log});
  if (std::isinf(out.odds_ratio.value))
    out.odds_ratio.range.reason = "infinite: in each stratum the features of one policy are among the other's";
  if (std::isnan(out.odds_ratio.value))
    out.odds_ratio.range.reason = "in no stratum do both policies fail some features and spare others";
  const std::vector<std::uint8_t> in_a = not_surviving(a.r, limit), in_b = not_surviving(b.r, limit);
  const set_sizes sizes = count_overlap(in_a, in_b);
  double logs = 0.0;
  for (const damage_sample& noise : noise_of_b)
    logs += std::log(odds(in_a, least_correlated(noise.r, sizes.b)));
  for (const damage_sample& noise : noise_of_a)
    logs += std::log(odds(least_correlated(noise.r, sizes.a), in_b));
  out.null_odds_ratio = std::exp(ratio(logs, static_cast<double>(noise_of_a.size() + noise_of_b.size())));
  return out;
}

}  // namespace qfa

#endif

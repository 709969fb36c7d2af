// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_OVERLAP_HPP
#define QFA_AUDIT_OVERLAP_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "qfa/audit/survival_gap.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/compare/damage_spearman.hpp"
#include "qfa/compare/deciles.hpp"
#include "qfa/compare/overlap.hpp"
#include "qfa/compare/rank_biased_overlap.hpp"
#include "qfa/compare/top_overlap.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// Two sets of features, say what either condition destroyed, and how much of them is common.  Chance and ceiling stand
/// beside the Jaccard index, since neither its floor nor its top is 0 or 1 (compare/overlap.hpp).
struct set_overlap {
  set_sizes sizes;
  estimate jaccard;              ///< interval on logit, of the smoothed counts
  double chance = 0.0;           ///< expected Jaccard of independent sets of these sizes, hypergeometric
  double plug_in_chance = 0.0;   ///< the same from the expected number of shared members
  double ceiling = 0.0;          ///< largest Jaccard for these sizes
  estimate above_chance;         ///< (jaccard - chance) / (ceiling - chance); interval on no scale, sizes vary with it
  estimate overlap_coefficient;  ///< interval on logit
  estimate kappa;                ///< interval on no scale
  estimate odds_ratio;           ///< interval on log
  estimate stratified_odds_ratio;  ///< the same within deciles of the reference's firing rate; interval on log
};

/// Whether two conditions of one audit hurt the same features, under the protocol of their surveys.
struct damage_overlap {
  std::string a;  ///< policies
  std::string b;
  survival_gap gap;          ///< how much more a leaves of the features than b, and how many both count
  set_overlap not_survived;  ///< r <= 0.9, NaN among them
  set_overlap blurred;
  set_overlap destroyed;
  estimate spearman;  ///< of damage, over features whose r is defined in both; interval about the corrected one
  estimate pearson;
  estimate kendall_tau_b;         ///< interval on atanh
  estimate rank_biased;           ///< overlap of the rankings by damage, the worst 500 of each; interval on logit
  std::size_t undefined = 0;      ///< features left out of the four above
  std::size_t tied_at_one_a = 0;  ///< features of a with damage 1, which share a rank
  std::size_t tied_at_one_b = 0;
  std::size_t tied_at_zero_a = 0;
  std::size_t tied_at_zero_b = 0;
  std::vector<top_overlap> worst;  ///< of the 1, 2, 5, 10 and 20 % worst
};

namespace detail {

inline std::vector<double> damages(std::span<const double> r) {
  std::vector<double> d(r.size());
  for (std::size_t i = 0; i < r.size(); ++i)
    d[i] = damage(r[i]);
  return d;
}

/// Rank-biased overlap of the worst 500 of each: beyond them ranks weigh less than 1e-22.
inline double rank_biased_of_damage(std::span<const double> a, std::span<const double> b) {
  std::vector<std::size_t> worst_a = worst_first(a), worst_b = worst_first(b);
  worst_a.resize((std::min<std::size_t>)(worst_a.size(), 500));
  worst_b.resize((std::min<std::size_t>)(worst_b.size(), 500));
  return rank_biased_overlap(worst_a, worst_b);
}

/// Smoothed Jaccard indices of the features that do not survive, are blurred and are destroyed: all three from the same
/// chances, which took most of the time in which an audit of many policies is concluded.
inline std::array<estimate, 3> smoothed_jaccards(const survey& a, const survey& b,
                                                 std::span<const std::uint32_t> features) {
  const countable of_a(a.correlations, features), of_b(b.correlations, features);
  const smoothed_bands bands(a.rules.bands);
  const auto found = delete_and_count_each<3>(of_a.groups(), [&](std::size_t g, auto width) {
    const std::vector<band_chances> in_a = of_a.chances(g, bands, width), in_b = of_b.chances(g, bands, width);
    const auto jaccard_where = [&](auto chance) {
      std::vector<double> x, y;
      std::ranges::transform(in_a, std::back_inserter(x), chance);
      std::ranges::transform(in_b, std::back_inserter(y), chance);
      return jaccard_of_chances(x, y);
    };
    const auto blurred = [](const band_chances& c) { return c.of(outcome::blurred); };
    const auto destroyed = [](const band_chances& c) { return c.of(outcome::destroyed); };
    const auto either = [&](const band_chances& c) { return blurred(c) + destroyed(c); };
    return std::array{jaccard_where(either), jaccard_where(blurred), jaccard_where(destroyed)};
  });
  const jackknife_options on_logit{.scale = interval_scale::logit};
  return {found[0].concluded(on_logit), found[1].concluded(on_logit), found[2].concluded(on_logit)};
}

/// Overlap of the features, of those that `both` count, of which `belongs(r)` holds under each condition; `jaccard` is
/// theirs.
template <class Belongs>
set_overlap overlap_where(const survey& a, const survey& b, std::span<const std::uint32_t> both, Belongs belongs,
                          const estimate& jaccard) {
  const auto members = [&](std::span<const double> r, const survey& s) {
    std::vector<std::uint8_t> in(r.size());
    for (std::size_t i = 0; i < r.size(); ++i)
      in[i] = belongs(s.rules.bands(r[i]));
    return in;
  };
  const auto sizes = [&](std::span<const double> ra, std::span<const double> rb) {
    return count_overlap(members(ra, a), members(rb, b));
  };
  set_overlap out;
  std::vector<double> rates;
  for (const std::uint32_t f : both)
    rates.push_back(a.rates[f]);
  const std::vector<std::uint32_t> deciles = deciles_of(rates);
  out.sizes = sizes(a.correlations.of(both), b.correlations.of(both));
  const auto estimated = [&](auto statistic, interval_scale scale) {
    return estimate_over(
        a, b, [&](std::span<const double> ra, std::span<const double> rb) { return statistic(sizes(ra, rb)); },
        {.scale = scale});
  };
  out.jaccard = jaccard;
  out.chance = expected_jaccard(out.sizes);
  out.plug_in_chance = plug_in_expected_jaccard(out.sizes);
  out.ceiling = jaccard_ceiling(out.sizes);
  out.above_chance = estimated(jaccard_above_chance, interval_scale::identity);
  out.overlap_coefficient = estimated(qfa::overlap_coefficient, interval_scale::logit);
  out.kappa = estimated(cohen_kappa, interval_scale::identity);
  out.odds_ratio = estimated(qfa::odds_ratio, interval_scale::log);
  // Rare features fail first whatever comes: what two conditions share beyond that shows within features of one rate.
  out.stratified_odds_ratio = estimate_over(a, b,
                                            [&](std::span<const double> ra, std::span<const double> rb) {
                                              return mantel_haenszel_odds_ratio(count_overlap_by_stratum(
                                                  members(ra, a), members(rb, b), deciles, decile_count));
                                            },
                                            {.scale = interval_scale::log});
  return out;
}

}  // namespace detail

/// Compares what two conditions did.  Both surveys must follow one protocol and come from the same rows and SAE.
/// Throws where the protocols' names differ.
inline damage_overlap compare_damage(const survey& a, const survey& b) {
  require(a.rules.name == b.rules.name, "compare_damage takes two surveys under the same protocol");
  damage_overlap out;
  out.gap = compare_survival(a, b);
  const auto both = counted_by_both(a, b);
  const std::array<estimate, 3> jaccards = detail::smoothed_jaccards(a, b, both);
  out.not_survived =
      detail::overlap_where(a, b, both, [](outcome o) { return o != outcome::survived; }, jaccards[0]);
  out.blurred =
      detail::overlap_where(a, b, both, [](outcome o) { return o == outcome::blurred; }, jaccards[1]);
  out.destroyed =
      detail::overlap_where(a, b, both, [](outcome o) { return o == outcome::destroyed; }, jaccards[2]);

  const auto pairs =
      keep_complete_pairs(detail::damages(a.correlations.of(both)), detail::damages(b.correlations.of(both)));
  out.undefined = both.size() - pairs.a.size();
  const auto over_pairs = [](auto statistic) {
    return [statistic](std::span<const double> ra, std::span<const double> rb) {
      const auto kept = keep_complete_pairs(detail::damages(ra), detail::damages(rb));
      return statistic(kept.a, kept.b);
    };
  };
  // Noise in both damages pulls Pearson's correlation toward 0: the interval reaches to where it would be without.
  const jackknife_options covering{.scale = interval_scale::atanh, .covers_bias = true};
  const auto pearson_of = [](std::span<const double> x, std::span<const double> y) { return pearson(x, y); };
  out.spearman = damage_spearman(a.correlations, b.correlations, both);
  out.pearson = estimate_over(a, b, over_pairs(pearson_of), covering);
  const auto kendall_of = [](std::span<const double> x, std::span<const double> y) { return kendall_tau_b(x, y); };
  // Ranks go in steps, of which the jackknife's bias is the 63 fold: Kendall's interval does not cover it.
  out.kendall_tau_b = estimate_over(a, b, over_pairs(kendall_of), {.scale = interval_scale::atanh});
  out.rank_biased = estimate_over(a, b, over_pairs(detail::rank_biased_of_damage), {.scale = interval_scale::logit});
  if (pairs.a.empty()) return out;
  for (const double d : pairs.a)
    out.tied_at_one_a += d == 1.0, out.tied_at_zero_a += d == 0.0;
  for (const double d : pairs.b)
    out.tied_at_one_b += d == 1.0, out.tied_at_zero_b += d == 0.0;
  out.worst = worst_overlap(pairs.a, pairs.b);
  return out;
}

}  // namespace qfa

#endif

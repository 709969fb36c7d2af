// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_FAMILY_BOOTSTRAP_HPP
#define QFA_PREDICT_FAMILY_BOOTSTRAP_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compare/weighted_auc.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/poisson_bootstrap.hpp"

namespace qfa {

/// Scores of features out of fold, and what became of them.
struct scored_features {
  std::vector<double> scores;
  std::vector<std::uint8_t> positive;
};

/// The mean AUC of several ways of scoring the same features, with its interval where features are a sample: whole
/// families of near-duplicates are drawn again and again (Poisson bootstrap, basic, on logit, 999 replicates), with the
/// scores that they have.  Fits are not repeated, so that it says nothing of how they would differ: beside it stands
/// the jackknife over groups of rows, which repeats them.  `family_of` is any number for each feature, equal for
/// members, or empty where every feature is a family.  Refused under 8 families.  Throws without ways, where they score
/// different numbers of features, and where families are known of some features only.
inline estimate bootstrap_families(std::span<const scored_features> ways, std::span<const std::uint32_t> family_of,
                                   std::uint64_t seed) {
  require(!ways.empty(), "a bootstrap over families needs scored features");
  const std::size_t features = ways.front().scores.size();
  require(family_of.empty() || family_of.size() == features, "a bootstrap over families needs every feature's family");
  std::vector<weighted_auc> all;
  for (const scored_features& way : ways) {
    require(way.scores.size() == features, "a bootstrap over families scores the same features each way");
    all.emplace_back(way.scores, way.positive);
  }
  std::vector<std::uint32_t> distinct(family_of.begin(), family_of.end());
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<std::size_t> place(features);
  for (std::size_t f = 0; f < features; ++f)
    place[f] = family_of.empty()
                   ? f
                   : static_cast<std::size_t>(std::ranges::lower_bound(distinct, family_of[f]) - distinct.begin());
  const std::size_t families = family_of.empty() ? features : distinct.size();
  const auto mean = [&](auto weight_of) {
    double sum = 0.0;
    for (const weighted_auc& one : all)
      sum += one(weight_of) / static_cast<double>(all.size());
    return sum;
  };
  const double whole = mean([](std::size_t) { return 1.0; });
  if (families < minimum_groups) {
    estimate few;
    few.value = whole;
    few.range.reason = "fewer than 8 families of features";
    return few;
  }
  return poisson_bootstrap(
      whole, families,
      [&](std::span<const std::uint32_t> weights) { return mean([&](std::size_t f) { return weights[place[f]]; }); },
      {.scale = interval_scale::logit, .seed = seed});
}

}  // namespace qfa

#endif

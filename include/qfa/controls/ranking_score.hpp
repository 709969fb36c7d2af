// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_RANKING_SCORE_HPP
#define QFA_CONTROLS_RANKING_SCORE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "qfa/audit/read_group_shifts.hpp"
#include "qfa/audit/reported_rows.hpp"
#include "qfa/compare/auc.hpp"
#include "qfa/controls/earlier_audit.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/predict/least_minority.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// Refuses two audits whose features are not the same.
inline void check_same_sae(const earlier_audit& from, const earlier_audit& to) {
  if (from.sae != to.sae)
    fail("the audit in " + in_quotes(from.where) + " is of a " + from.sae + " and the one in " + in_quotes(to.where) +
         " of a " + to.sae + ", expected one SAE at one hook, whose features are the same");
}

/// What a ranking by nu under one condition is worth for the survival under another, over the features that both count.
struct ranking_score {
  estimate auc;  ///< on logit, by groups of rows; refused where the smaller class is too small
  std::size_t features = 0;
  std::size_t survived = 0;
};

namespace detail {

/// A reported feature as it would be without a group of rows; as it is where `group` is `groups`.
inline reported_feature without_group(const earlier_audit& audit, const std::string& condition,
                                      const reported_feature& feature, std::size_t group) {
  if (group >= audit.groups) return feature;
  const double shift = static_cast<double>(audit.shifts.at(condition)[group * audit.width + feature.feature]);
  const double r = std::isnan(shift) ? shift : std::clamp(feature.r + shift, -1.0, 1.0);
  return {feature.feature, r, noise_to_signal(r)};
}

}  // namespace detail

/// Scores the ranking by condition `a` of one audit by what survives condition `b` of another with the same SAE.
///
/// Its interval leaves out groups of rows: of the same rows in both audits the same group of either, so that what they
/// share cancels; of different rows the groups of one audit, then those of the other, with as many degrees of freedom
/// as the smaller number allows.  Without groups.npy in both there is none.  Where fewer than `least_minority` features
/// survive, or do not, there is no AUC either.
inline ranking_score score_ranking(const earlier_audit& from, const std::string& a, const earlier_audit& to,
                                   const std::string& b, std::size_t least_minority = least_auc_minority) {
  check_same_sae(from, to);
  const std::vector<reported_feature>&ranked = from.features.at(a), &judged = to.features.at(b);
  std::vector<reported_feature> x, y;  // of the features that both count
  for (std::size_t i = 0, j = 0; i < ranked.size() && j < judged.size();) {
    if (ranked[i].feature == judged[j].feature) {
      x.push_back(ranked[i]);
      y.push_back(judged[j]);
    }
    const bool next_i = ranked[i].feature <= judged[j].feature, next_j = judged[j].feature <= ranked[i].feature;
    i += next_i;
    j += next_j;
  }
  const auto auc_without = [&](std::size_t g, std::size_t h) {
    std::vector<double> score;
    std::vector<std::uint8_t> survived;
    for (std::size_t f = 0; f < x.size(); ++f) {
      score.push_back(-detail::without_group(from, a, x[f], g).rank());
      survived.push_back(detail::without_group(to, b, y[f], h).survived());
    }
    return auc(score, survived);
  };
  ranking_score out;
  out.features = x.size();
  for (const reported_feature& f : y)
    out.survived += f.survived();
  if ((std::min)(out.survived, out.features - out.survived) < least_minority) {
    out.auc = refused_auc();
    return out;
  }
  const double whole = auc_without(from.groups, to.groups);
  if (from.groups == 0 || to.groups == 0) {
    out.auc.value = whole;
    out.auc.range.reason = without_group_shifts;
    return out;
  }
  if (same_rows(from.rows, to.rows) && from.groups == to.groups) {
    out.auc = jackknife(whole, from.groups, [&](std::size_t g) { return auc_without(g, g); },
                        {.scale = interval_scale::logit});
    return out;
  }
  const auto one_left_out = [&](std::size_t g) {
    return g < from.groups ? auc_without(g, to.groups) : auc_without(from.groups, g - from.groups);
  };
  const std::size_t fewer = (std::min)(from.groups, to.groups);
  out.auc = jackknife(whole, from.groups + to.groups, one_left_out,
                      {.scale = interval_scale::logit, .dof = static_cast<double>(fewer) - 1.0});
  return out;
}

}  // namespace qfa

#endif

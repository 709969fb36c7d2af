// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_PREDICTION_HPP
#define QFA_AUDIT_PREDICTION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/reference_profiles.hpp"
#include "qfa/compare/auc.hpp"
#include "qfa/predict/honest_prediction.hpp"
#include "qfa/predict/least_minority.hpp"
#include "qfa/predict/noise_baseline.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/predict/published_prediction.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// Whether the reference alone foretells which features survive a condition: one protocol's answer, or why there is
/// none.  A condition that every feature survives has nothing to predict.
template <class Result>
struct survival_prediction {
  std::string reason;  ///< why `result` is empty
  std::optional<Result> result;
  std::size_t features = 0;
  std::size_t survived = 0;
  estimate auc;  ///< the cross-validated AUC, interval on logit
};

struct prediction_options {
  std::uint64_t seed = 0;      ///< of the shuffle into folds; recorded in the report
  bool with_intervals = true;  ///< 64 more cross-validations a condition
  /// (d_sae): each feature's family, which the honest fit holds out as a whole; empty: every feature is one.
  std::span<const std::uint32_t> families{};
};

namespace detail {

inline std::vector<std::uint8_t> survived_labels(std::span<const double> r, const correlation_bands& bands) {
  std::vector<std::uint8_t> labels;
  labels.reserve(r.size());
  for (const double x : r)
    labels.push_back(bands(x) == outcome::survived);
  return labels;
}

/// Fills `out` from `run(g)`, which gives the whole prediction without group g: a fit that cannot be done leaves its
/// reason, and one replicate that cannot be done leaves the AUC without an interval.
template <class Result, class Run, class Auc>
void predict_with_interval(survival_prediction<Result>& out, std::span<const std::size_t> groups,
                           const prediction_options& options, Run run, Auc auc_of) {
  try {
    out.result = run(no_group);
  } catch (const error& refusal) {
    out.reason = refusal.what();
    return;
  }
  out.auc.value = auc_of(*out.result);
  if (!options.with_intervals) return;
  out.auc = jackknife(auc_of(*out.result), groups.size(),
                      [&](std::size_t i) {
                        try {
                          return auc_of(run(groups[i]));
                        } catch (const error&) {
                          return std::numeric_limits<double>::quiet_NaN();
                        }
                      },
                      {.scale = interval_scale::logit});
}

}  // namespace detail

/// Published mode: four predictors and the labels from the same tokens, scaler fitted on all rows (arXiv 2606.03002).
/// `table` holds the reference's codes on its x side; `s` is the condition's survey under the published protocol.
inline survival_prediction<published_prediction> predict_published(const feature_table& table, const survey& s,
                                                                   const prediction_options& options = {}) {
  survival_prediction<published_prediction> out;
  out.features = s.counted.size();
  out.survived = s.bands[outcome::survived];
  const auto groups = filled_groups(table);
  const auto run = [&](std::size_t left_out) {
    const auto place = static_cast<std::size_t>(std::find(groups.begin(), groups.end(), left_out) - groups.begin());
    const std::vector<double> r = left_out == no_group ? s.r() : s.correlations.without(place, s.counted);
    const auto profiles = reference_profiles(table, s.counted, group_selection::all, left_out);
    return predict_as_published(tabulate(profiles).view(), detail::survived_labels(r, s.rules.bands), options.seed);
  };
  detail::predict_with_interval(out, groups, options, run,
                                [](const published_prediction& p) { return p.cross_validated.mean; });
  return out;
}

/// Honest mode: five predictors from one half of the groups, labels from the other, both ways round; scaler inside the
/// fold, and whole families of near-duplicates in a fold where they are known.  `s` is the condition's survey under the
/// honest protocol, `table` its table.
inline survival_prediction<honest_prediction> predict_honest(const feature_table& table, const survey& s,
                                                             const prediction_options& options = {}) {
  survival_prediction<honest_prediction> out;
  out.features = s.counted.size();
  out.survived = s.bands[outcome::survived];
  const auto groups = filled_groups(table);
  std::vector<std::uint32_t> families;
  if (!options.families.empty())
    for (const std::uint32_t f : s.counted)
      families.push_back(options.families[f]);
  const auto run = [&](std::size_t left_out) {
    const auto half = [&](group_selection selection) {
      return std::pair{tabulate(reference_profiles(table, s.counted, selection, left_out), all_predictors),
                       detail::survived_labels(correlations_on(table, s.counted, selection, left_out), s.rules.bands)};
    };
    const auto [even_x, even_y] = half(group_selection::even);
    const auto [odd_x, odd_y] = half(group_selection::odd);
    honest_options how;
    if (left_out != no_group) {
      how.least_minority = 0;
      how.described = false;
      how.folds_as = out.result->fold_of;
    }
    return predict_honestly({even_x.view(), even_y}, {odd_x.view(), odd_y}, options.seed, families, how);
  };
  detail::predict_with_interval(out, groups, options, run, [](const honest_prediction& p) { return p.auc; });
  if (out.result && !out.result->refusal.empty()) out.auc.range.reason = small_class;
  return out;
}

/// AUC of survival when features are ranked by the noise to signal that isotropic error would give them
/// (predict/noise_baseline.hpp), interval on logit: what a fitted predictor has to beat.  The error's size scales all
/// of them alike, so none need be known.  Profile and label come from different halves of the groups, both ways round;
/// refused where the smaller class of a half has fewer than 25.  `encoder_norms` is |e_j|^2 of every feature of the
/// dictionary.
inline estimate baseline_auc(const feature_table& table, const survey& s, std::span<const double> encoder_norms) {
  const auto one_way = [&](group_selection seen, group_selection judged, std::size_t left_out) {
    std::uint64_t tokens = 0;
    for (std::size_t g = 0; g < table.groups(); ++g)
      if (selects(seen, g) && g != left_out) tokens += table.tokens(g);
    std::vector<double> score;
    for (const std::uint32_t f : s.counted) {
      comoments all;
      std::uint64_t firings = 0;
      for (std::size_t g = 0; g < table.groups(); ++g) {
        if (!selects(seen, g) || g == left_out) continue;
        firings += table.cell(f, g).reference_firings;
        all += table.cell(f, g).either;
      }
      all.add_zeros(tokens - all.count);
      const double nu = isotropic_noise_to_signal(ratio(firings, tokens), 1.0, encoder_norms[f],
                                                  ratio(all.xx, static_cast<double>(tokens)));
      score.push_back(std::isnan(nu) ? -std::numeric_limits<double>::infinity() : -nu);
    }
    const std::vector<double> r = correlations_on(table, s.counted, judged, left_out);
    return auc(score, detail::survived_labels(r, s.rules.bands));
  };
  const auto both_ways = [&](std::size_t left_out) {
    return 0.5 * (one_way(group_selection::even, group_selection::odd, left_out) +
                  one_way(group_selection::odd, group_selection::even, left_out));
  };
  for (const group_selection half : {group_selection::even, group_selection::odd})
    if (minority_of(detail::survived_labels(correlations_on(table, s.counted, half), s.rules.bands)) <
        least_auc_minority)
      return refused_auc();
  const auto groups = filled_groups(table);
  return jackknife(both_ways(no_group), groups.size(), [&](std::size_t i) { return both_ways(groups[i]); },
                   {.scale = interval_scale::logit});
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONTROLLED_PREDICTION_HPP
#define QFA_CONTROLS_CONTROLLED_PREDICTION_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/compare/auc.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/controls/survival_transfer.hpp"
#include "qfa/core/error.hpp"
#include "qfa/predict/folds.hpp"
#include "qfa/predict/honest_prediction.hpp"
#include "qfa/predict/least_minority.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/percentile.hpp"

namespace qfa {

/// What may be said of a fitted predictor beside the baseline that needs no fit: its AUC lies above the baseline's for
/// sure, below it for sure, or neither.
///   no_fit  nothing could be fitted
enum class fit_verdict : std::uint8_t { above, below, not_told_apart, no_fit };
inline constexpr std::array<std::string_view, 4> fit_verdict_names{"above the baseline", "below the baseline",
                                                                   "not told apart", "no fit"};

constexpr std::string_view name(fit_verdict v) noexcept { return fit_verdict_names[static_cast<std::size_t>(v)]; }

/// The claim that survival under a condition is predictable from the reference, with what decides it: the unfitted
/// baseline, folds that keep families together, and labels that were shuffled.
struct controlled_prediction {
  std::string reason;                       ///< why nothing could be fitted; empty where it could
  std::optional<honest_prediction> fitted;  ///< families held out together
  estimate auc;                             ///< of that; interval on logit
  estimate noise_auc;                       ///< of -nu_iso, nothing fitted (predict/noise_baseline.hpp)
  std::optional<estimate> flips_auc;        ///< the same with the flips of a gate in it, where they are known
  estimate gain;                            ///< AUC less the baseline's, the same groups left out of both; on no scale
  estimate covariance_auc;                  ///< of -nu_cov, with the error's own covariance, where it is known
  std::size_t shuffles = 0;                 ///< of the labels
  double shuffled_mean = std::numeric_limits<double>::quiet_NaN();  ///< AUC
  double shuffled_95 = std::numeric_limits<double>::quiet_NaN();    ///< 95 % lie below

  /// What the fit has to beat: nu_iso, with flips where the SAE's gate makes them and they are known.  The kind of SAE
  /// chooses, and not the larger of two AUCs, which would be chosen by the labels.
  const estimate& baseline() const noexcept { return flips_auc ? *flips_auc : noise_auc; }
  std::string_view baseline_name() const noexcept { return flips_auc ? "nu_iso with flips" : "nu_iso"; }

  fit_verdict verdict() const noexcept {
    if (!fitted || !reason.empty()) return fit_verdict::no_fit;
    if (gain.range.kind == interval_kind::refused) return fit_verdict::not_told_apart;
    if (gain.range.lower > 0.0) return fit_verdict::above;
    return gain.range.upper < 0.0 ? fit_verdict::below : fit_verdict::not_told_apart;
  }
};

struct prediction_control_options {
  std::uint64_t seed = 0;
  std::size_t shuffles = 20;
  double limit = 0.9;
};

/// Labels in an order that a seed and a number decide: the control of anything that is learned from them.
inline std::vector<std::uint8_t> shuffled(std::vector<std::uint8_t> labels, std::uint64_t seed, std::uint64_t number) {
  for (std::size_t i = labels.size(); i-- > 1;) {
    const std::uint64_t draw = detail::scatter(detail::scatter(seed, number), i);
    std::swap(labels[i], labels[static_cast<std::size_t>(draw % (i + 1))]);  // bias of 2^-64 i
  }
  return labels;
}

/// AUC of survival by -nu, nu = p Var(e) / Var x with the error's variance at each feature's pre-activation, without
/// group g.  What the reference shows of features and the label are of different halves, both ways round; what
/// `variance` has of the error itself, E|D|^2 and S_D, is of all rows: no half shows an error's directions well enough.
inline double noise_auc_without(std::size_t g, const half_profiles& reference, const damage_sample& s,
                                const half_profiles::error_variance& variance, double limit) {
  return both_ways(
      [&](bool odd) { return auc(reference.scores(odd, g, variance), surviving(s.half_without(!odd, g), limit)); });
}

/// The same over all groups; interval on logit.  Refused where the smaller class of a half has fewer than 25.
inline estimate noise_prediction(const half_profiles& reference, const damage_sample& s,
                                 const half_profiles::error_variance& variance, double limit = 0.9) {
  for (const bool odd : {false, true})
    if (minority_of(surviving(s.half_without(odd, s.groups), limit)) < least_auc_minority) return refused_auc();
  const auto run = [&](std::size_t g) { return noise_auc_without(g, reference, s, variance, limit); };
  return jackknife(run(s.groups), s.groups, run, {.scale = interval_scale::logit});
}

/// Variances that no row has a part in: `values` are the counted features', and must outlive what is returned.
inline half_profiles::error_variance fixed_variances(std::span<const double> values) {
  return [values](const half_profiles::half&, std::size_t f) { return values[f]; };
}

/// `encoder_norms` are |e_j|^2 of the counted features, `families` their families (predict/families.hpp).  `with_flips`
/// is the variance of an isotropic error that has the flips of the SAE's gate in it, or empty.
inline controlled_prediction predict_with_controls(const half_profiles& reference, const damage_sample& s,
                                                   std::span<const double> encoder_norms,
                                                   std::span<const std::uint32_t> families,
                                                   const prediction_control_options& options = {},
                                                   const half_profiles::error_variance& with_flips = {}) {
  controlled_prediction out;
  const honest_prediction* folds_of_all = nullptr;
  const auto predict = [&](std::size_t g, std::size_t least_minority, std::optional<std::uint64_t> shuffle = {}) {
    const auto labels = [&](bool odd) {
      std::vector<std::uint8_t> in = surviving(s.half_without(odd, g), options.limit);
      return shuffle ? shuffled(std::move(in), options.seed, *shuffle) : in;
    };
    const std::vector<std::uint8_t> even = labels(false), odd = labels(true);
    return predict_honestly({reference.of(false, g).predictors.view(), even},
                            {reference.of(true, g).predictors.view(), odd}, options.seed, families,
                            {.least_minority = least_minority,
                             .described = least_minority > 0,
                             .folds_as = folds_of_all && !shuffle ? folds_of_all->fold_of : folds_both_ways{}});
  };
  const auto auc_or_nan = [&](std::size_t g, std::optional<std::uint64_t> shuffle = {}) {
    try {
      return predict(g, 0, shuffle).auc;
    } catch (const error&) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  };
  const half_profiles::error_variance isotropic = fixed_variances(encoder_norms);
  out.noise_auc = noise_prediction(reference, s, isotropic, options.limit);
  if (with_flips) out.flips_auc = noise_prediction(reference, s, with_flips, options.limit);
  try {
    out.fitted = predict(s.groups, honest_options{}.least_minority);
  } catch (const error& refusal) {
    out.reason = refusal.what();
    return out;
  }
  folds_of_all = &*out.fitted;
  out.reason = out.fitted->refusal;
  if (!out.reason.empty()) return out;
  const std::vector<double> fitted = without_each(s.groups, auc_or_nan);
  out.auc = jackknife(out.fitted->auc, fitted, {.scale = interval_scale::logit});
  const auto baseline = [&](std::size_t g) {
    return noise_auc_without(g, reference, s, with_flips ? with_flips : isotropic, options.limit);
  };
  out.gain = jackknife(out.fitted->auc - out.baseline().value, s.groups,
                       [&](std::size_t g) { return fitted[g] - baseline(g); });
  out.shuffles = options.shuffles;
  std::vector<double> null = without_each(options.shuffles, [&](std::size_t i) { return auc_or_nan(s.groups, i); });
  std::erase_if(null, [](double x) { return std::isnan(x); });
  out.shuffled_mean = ratio(std::accumulate(null.begin(), null.end(), 0.0), static_cast<double>(null.size()));
  out.shuffled_95 = percentile(null, 95.0);
  return out;
}

}  // namespace qfa

#endif

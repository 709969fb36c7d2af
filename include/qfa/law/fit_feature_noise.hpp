// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_FIT_FEATURE_NOISE_HPP
#define QFA_LAW_FIT_FEATURE_NOISE_HPP

#include <cmath>
#include <span>
#include <vector>

#include "qfa/law/feature_noise_law.hpp"
#include "qfa/law/fit_degradation.hpp"
#include "qfa/law/huber_regression.hpp"
#include "qfa/law/identifiability.hpp"
#include "qfa/law/least_point.hpp"
#include "qfa/law/observations.hpp"

namespace qfa {

/// nu = C D^gamma_D / N^gamma_N (4^-b + kappa 2^-b), fitted to positive noise as `fit_degradation` fits: given kappa
/// the logarithm is linear, and kappa is searched in [2^-14, 2^6] on a grid and then by Brent's method.  At the lower
/// end gain explains everything (at 3 to 8 bits crossed thresholds then add less than 2 %), at the upper end crossings
/// do; `at_end` says so, and kappa is then a bound.
///
/// Throws where the rows cannot determine the law.
inline fitted<feature_noise_law> fit_feature_noise(std::span<const observation> rows) {
  require_identifiable(rows, 4, true);
  std::vector<double> x;
  for (const observation& each : rows)
    for (const double value : {1.0, std::log(each.tokens), -std::log(each.parameters)})
      x.push_back(value);
  const auto regress = [&](double log_kappa) {
    std::vector<double> y;
    for (const observation& each : rows)
      y.push_back(std::log(each.value) - std::log(feature_noise_law::ladder(std::exp2(log_kappa), each.bits)));
    return huber_regression({x.data(), rows.size(), 3}, y);
  };
  const least_point best = least_on_grid([&](double k) { return regress(k).objective; }, -14.0, 6.0, 41);
  const huber_fit fit = regress(best.at);
  const std::vector<double>& b = fit.coefficients;
  return {
      {.c = std::exp(b[0]), .gamma_d = b[1], .gamma_n = b[2], .kappa = std::exp2(best.at)}, fit.objective, best.at_end};
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_PREDICTORS_HPP
#define QFA_PREDICT_PREDICTORS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// What is known of a feature from the reference model alone.
struct firing_profile {
  double rate = 0.0;  ///< share of tokens on which it fires
  double mean = 0.0;  ///< activation over all tokens, silent ones included
  double max = 0.0;   ///< largest activation
};

/// Logarithms are natural, and stop at this value instead of running to minus infinity (arXiv 2606.03002).
inline constexpr double smallest_logged = 1e-8;

/// -ln rate: large for a rare feature.
inline double rarity(const firing_profile& f) noexcept { return -std::log((std::max)(f.rate, smallest_logged)); }

/// ln of the mean over all tokens.
inline double log_mean(const firing_profile& f) noexcept { return std::log((std::max)(f.mean, smallest_logged)); }

/// ln of the peak.
inline double log_max(const firing_profile& f) noexcept { return std::log((std::max)(f.max, smallest_logged)); }

/// ln of peak over mean, never below 0.  Unless a clamp binds it is log_max - log_mean: three of the published four
/// columns determine the fourth, and only the penalty of the regression settles their coefficients.
inline double log_concentration(const firing_profile& f) noexcept {
  return std::log((std::max)(f.max / (std::max)(f.mean, smallest_logged), 1.0));
}

/// ln of the mean over the tokens on which it fires: mean / rate.  Not among the published predictors, though their
/// joint model mostly measures it: rarity + log_mean is the same number.
inline double log_mean_when_active(const firing_profile& f) noexcept {
  return std::log((std::max)(f.mean, smallest_logged) / (std::max)(f.rate, smallest_logged));
}

enum class predictor : std::uint8_t { rarity, log_mean, log_max, log_concentration, log_mean_when_active };
inline constexpr std::array<std::string_view, 5> predictor_names{"rarity", "log_mean", "log_max", "log_concentration",
                                                                 "log_mean_when_active"};

/// The four of arXiv 2606.03002, in the order in which coefficients are reported.
inline constexpr std::array<predictor, 4> published_predictors{predictor::rarity, predictor::log_mean,
                                                               predictor::log_max, predictor::log_concentration};
/// All that qfa knows.
inline constexpr std::array<predictor, 5> all_predictors{predictor::rarity, predictor::log_mean, predictor::log_max,
                                                         predictor::log_concentration, predictor::log_mean_when_active};

/// What the predictor says of a feature.  Throws for a value that names none.
inline double evaluate(predictor which, const firing_profile& f) {
  switch (which) {
    case predictor::rarity:
      return rarity(f);
    case predictor::log_mean:
      return log_mean(f);
    case predictor::log_max:
      return log_max(f);
    case predictor::log_concentration:
      return log_concentration(f);
    case predictor::log_mean_when_active:
      return log_mean_when_active(f);
  }
  fail("evaluate met a predictor that is none of all_predictors");
}

/// One row per feature, one column per predictor.
struct predictor_table {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> values;  // (rows, columns)

  matrix_view<const double> view() const noexcept { return {values.data(), rows, columns}; }
};

inline predictor_table tabulate(std::span<const firing_profile> features,
                                std::span<const predictor> columns = published_predictors) {
  predictor_table table{features.size(), columns.size(), {}};
  table.values.reserve(features.size() * columns.size());
  for (const firing_profile& f : features)
    for (const predictor p : columns)
      table.values.push_back(evaluate(p, f));
  return table;
}

}  // namespace qfa

#endif

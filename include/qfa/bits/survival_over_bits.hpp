// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_BITS_SURVIVAL_OVER_BITS_HPP
#define QFA_BITS_SURVIVAL_OVER_BITS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/bits/bits_to_break.hpp"
#include "qfa/bits/interval_censored.hpp"
#include "qfa/bits/ordinal_logistic.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/predict/predictors.hpp"
#include "qfa/predict/standardized_logistic.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/student.hpp"
#include "qfa/survival/bands.hpp"

namespace qfa {

/// Survival over bits of one quarter of the features.
struct survival_quartile {
  std::size_t features = 0;
  double lowest = std::numeric_limits<double>::quiet_NaN();  ///< of the predictor, in this quarter
  double highest = std::numeric_limits<double>::quiet_NaN();
  std::vector<estimate> survive;  ///< P(B <= b) on every rung: the share that b bits keep above tau
};

/// Turnbull's curves of the bits to break B, by quarters of a predictor: the lowest values first.
struct quartile_curves {
  predictor by = predictor::rarity;
  std::array<survival_quartile, 4> quarters;
};

/// The quarter, 0 to 3, of every value in increasing order; equal values go by their places.
inline std::vector<std::uint8_t> quarters_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<std::uint8_t> out(values.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    out[order[rank]] = static_cast<std::uint8_t>(4 * rank / order.size());
  return out;
}

/// The curves of every predictor.  `brackets(g)` gives the bracket of B of every feature without group g of rows, and
/// of all rows for g = groups; it is called from all threads.  A feature's quarter stays as groups are left out.
template <class Brackets>
std::vector<quartile_curves> curves_by_quartile(std::span<const firing_profile> profiles, std::span<const double> bits,
                                                std::size_t groups, Brackets brackets,
                                                std::span<const predictor> predictors = published_predictors) {
  std::vector<quartile_curves> out(predictors.size());
  std::vector<std::vector<std::uint8_t>> quarter_of(predictors.size());
  for (std::size_t p = 0; p < predictors.size(); ++p) {
    out[p].by = predictors[p];
    std::vector<double> values;
    for (const firing_profile& f : profiles)
      values.push_back(evaluate(predictors[p], f));
    quarter_of[p] = quarters_of(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      survival_quartile& q = out[p].quarters[quarter_of[p][i]];
      q.lowest = q.features == 0 ? values[i] : (std::min)(q.lowest, values[i]);
      q.highest = q.features == 0 ? values[i] : (std::max)(q.highest, values[i]);
      ++q.features;
    }
  }
  const std::size_t points = 4 * bits.size();  // of a predictor
  std::vector<double> shares((groups + 1) * predictors.size() * points);
  parallel_for(groups + 1, [&](std::size_t g) {
    const std::vector<censored_value> all = brackets(g);
    std::vector<censored_value> some;
    for (std::size_t p = 0; p < predictors.size(); ++p)
      for (std::size_t q = 0; q < 4; ++q) {
        some.clear();
        for (std::size_t i = 0; i < all.size(); ++i)
          if (quarter_of[p][i] == q) some.push_back(all[i]);
        const turnbull_curve curve = fit_turnbull(some);
        for (std::size_t s = 0; s < bits.size(); ++s)
          shares[(g * predictors.size() + p) * points + q * bits.size() + s] =
              some.empty() ? std::numeric_limits<double>::quiet_NaN() : (std::min)(curve.at_most(bits[s]), 1.0);
      }
  });
  std::vector<double> without(groups);
  for (std::size_t p = 0; p < predictors.size(); ++p)
    for (std::size_t q = 0; q < 4; ++q)
      for (std::size_t s = 0; s < bits.size(); ++s) {
        const auto at = [&](std::size_t g) {
          return shares[(g * predictors.size() + p) * points + q * bits.size() + s];
        };
        for (std::size_t g = 0; g < groups; ++g)
          without[g] = at(g);
        out[p].quarters[q].survive.push_back(jackknife(at(groups), without, {.scale = interval_scale::logit}));
      }
  return out;
}

/// By how much a bit more multiplies the odds of a better band, and its interval over clusters.
struct odds_per_bit {
  double log_odds = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::quiet_NaN();  ///< of log_odds, clustered
  double ratio() const noexcept { return std::exp(log_odds); }
  double lower = std::numeric_limits<double>::quiet_NaN();  ///< of the ratio, with t of (clusters - 1)
  double upper = std::numeric_limits<double>::quiet_NaN();
};

/// The ordinal model of bands over (feature, bits), and whether its odds are proportional.
struct bands_over_bits {
  std::size_t rows = 0;
  std::size_t clusters = 0;
  bool by_family = false;                  ///< clusters are families of near-duplicates; else each feature is one
  std::vector<predictor> predictors;       ///< x, standardized
  std::optional<ordinal_model> model{};    ///< columns: bits, then x, then bits times x
  std::string_view reason{};               ///< why there is none
  odds_per_bit per_bit{};                  ///< for the mean feature, x = 0
  std::optional<odds_per_bit> blurred{};   ///< of separate fits: out of "destroyed" ...
  std::optional<odds_per_bit> survived{};  ///< ... and into "survived"
  double gap_z = std::numeric_limits<double>::quiet_NaN();  ///< their difference over its clustered error
  double gap_p =
      std::numeric_limits<double>::quiet_NaN();  ///< two-sided, by the same t: small where odds are not proportional
};

/// Fits logit P(Y <= k) = alpha_k - (gamma b + x delta + u b x) over the bands destroyed < blurred < survived of every
/// feature on every rung, and each limit by itself.  `bands`: (features, rungs).  `family_of`: near-duplicates share
/// one, and are a cluster (empty: each feature is its own, with all its rungs).  Throws where `bands` is of another
/// shape, and where families are known of some features only.
inline bands_over_bits fit_bands_over_bits(std::span<const firing_profile> profiles, std::span<const double> bits,
                                           std::span<const outcome> bands,
                                           std::span<const std::uint32_t> family_of = {},
                                           const ordinal_options& options = {}, double level = 0.95) {
  const std::size_t features = profiles.size();
  require(bands.size() == features * bits.size(), "fit_bands_over_bits needs a band for each feature and rung");
  require(family_of.empty() || family_of.size() == features, "fit_bands_over_bits needs a family for each feature");
  bands_over_bits out{.predictors = {predictor::rarity, predictor::log_mean, predictor::log_max}};
  out.rows = bands.size();
  out.by_family = !family_of.empty();
  if (features < 2) {
    out.reason = "fewer than two features";
    return out;
  }
  const std::size_t width = out.predictors.size(), columns = 1 + 2 * width;
  const predictor_table table = tabulate(profiles, out.predictors);
  const standardized_rows x = standardize(table.view());
  std::vector<double> design;
  std::vector<std::uint8_t> classes;
  std::vector<std::uint32_t> cluster_of;
  std::array<std::size_t, 3> counts{};
  for (std::size_t f = 0; f < features; ++f)
    for (std::size_t s = 0; s < bits.size(); ++s) {
      const outcome band = bands[f * bits.size() + s];
      const std::span<const double> row = x.view().row(f);
      design.push_back(bits[s]);
      design.insert(design.end(), row.begin(), row.end());
      for (const double v : row)
        design.push_back(bits[s] * v);
      classes.push_back(band == outcome::survived ? 2 : (band == outcome::blurred ? 1 : 0));
      ++counts[classes.back()];
      cluster_of.push_back(family_of.empty() ? static_cast<std::uint32_t>(f) : family_of[f]);
    }
  const matrix_view<const double> rows(design.data(), classes.size(), columns);
  const auto describe_bit = [&](const ordinal_model& m) {
    odds_per_bit o{.log_odds = m.coefficients[0], .error = clustered_error(m, m.thresholds.size())};
    const double reach =
        m.clusters > 1 ? student_quantile(level, static_cast<double>(m.clusters - 1)) * o.error : o.error;
    o.lower = std::exp(o.log_odds - reach);
    o.upper = std::exp(o.log_odds + reach);
    return o;
  };
  const auto fit_limit = [&](std::uint8_t above) {
    std::vector<std::uint8_t> yes(classes.size());
    std::ranges::transform(classes, yes.begin(), [&](std::uint8_t k) { return std::uint8_t{k > above}; });
    return fit_ordinal(rows, yes, 2, cluster_of, options);
  };
  std::optional<ordinal_model> low, high;
  if (counts[0] > 0 && counts[0] < classes.size()) low = fit_limit(0);
  if (counts[2] > 0 && counts[2] < classes.size()) high = fit_limit(1);
  if (low) out.blurred = describe_bit(*low);
  if (high) out.survived = describe_bit(*high);
  if (counts[0] == 0 || counts[1] == 0 || counts[2] == 0) {
    out.reason = counts[0] == 0   ? "no feature is destroyed on any rung"
                 : counts[1] == 0 ? "no feature is blurred on any rung"
                                  : "no feature has r above 0.9 on any rung";
    return out;
  }
  out.model = fit_ordinal(rows, classes, 3, cluster_of, options);
  out.clusters = out.model->clusters;
  out.per_bit = describe_bit(*out.model);
  const double variance = clustered_covariance(*low, 1, *low, 1) + clustered_covariance(*high, 1, *high, 1) -
                          2.0 * clustered_covariance(*low, 1, *high, 1);
  out.gap_z = (out.survived->log_odds - out.blurred->log_odds) / std::sqrt(variance);
  out.gap_p = 2.0 * student_upper_tail(std::fabs(out.gap_z), static_cast<double>(out.clusters - 1));
  return out;
}

}  // namespace qfa

#endif

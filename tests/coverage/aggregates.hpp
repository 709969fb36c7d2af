// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COVERAGE_AGGREGATES_HPP
#define QFA_TESTS_COVERAGE_AGGREGATES_HPP

// How often intervals of numbers about many features cover the truth: features share the effects of their rows, and two
// compressions share the reference.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "coverage.hpp"
#include "designs.hpp"
#include "qfa/compare/correlation.hpp"
#include "qfa/compare/overlap.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/lower_median.hpp"

namespace qfa_test {

struct aggregate_design {
  std::uint32_t features = 300;
  std::size_t rows = 400;
  std::size_t row_tokens = 128;
  double rate = 0.01;
  std::uint64_t seed = 7;  ///< of the features' damages, which all repetitions share
};

/// What a compression does to every feature: severities v in [0, 1], .6 of them common to both compressions.
inline std::array<std::vector<harm>, 2> draw_harms(const aggregate_design& d) {
  splitmix64 random{d.seed};
  std::array<std::vector<harm>, 2> harms;
  for (std::uint32_t f = 0; f < d.features; ++f) {
    const double common = random.uniform();
    for (std::vector<harm>& side : harms) {
      const double v = 0.02 + 0.98 * (0.6 * common + 0.4 * random.uniform());
      side.push_back({.noise = 0.38 * v, .lost = 0.25 * v, .ghosts = 1.5 * v * v * v});
    }
  }
  return harms;
}

/// r of every feature in closed form: rows share noise and losses among features, which moves no feature's own moments.
inline std::vector<double> true_rs(const aggregate_design& d, std::span<const harm> harms) {
  std::vector<double> r;
  for (const harm& h : harms)
    r.push_back(true_r({.rows = 1, .rate = d.rate, .damage = h}));
  return r;
}

/// The tables of two compressions of one reference.
inline std::array<qfa::feature_table, 2> draw_tables(const aggregate_design& d,
                                                     const std::array<std::vector<harm>, 2>& harms, splitmix64 random) {
  const qfa::row_groups groups(d.rows);
  std::array<qfa::feature_table, 2> tables{qfa::feature_table(d.features, groups.groups()),
                                           qfa::feature_table(d.features, groups.groups())};
  std::array<std::vector<firing>, 2> row_firings;
  for (std::size_t row = 0; row < d.rows; ++row) {
    document_effects shared;  // noise and losses of the row, alike for all features and both compressions
    shared.noise = random.uniform() < 0.5 ? 0.5 : 1.5;
    shared.lost = random.burst();
    for (std::uint32_t f = 0; f < d.features; ++f) {
      const document_effects own = document_effects::draw(random);
      const double ghosts_a = harms[0][f].ghosts, ghosts_b = harms[1][f].ghosts;
      const double events = 1.0 + ghosts_a + ghosts_b;  // for each firing of the reference
      visit_firings(d.rate * own.rate * events, d.row_tokens, random, [&](std::uint32_t t) {
        const double kind = random.uniform() * events, size = own.strength * draw_magnitude(false, random);
        const auto x = static_cast<float>(size);
        if (kind < ghosts_a) {
          row_firings[0].push_back({t, f, 0.0f, x});
        } else if (kind < ghosts_a + ghosts_b) {
          row_firings[1].push_back({t, f, 0.0f, x});
        } else {
          for (std::size_t side = 0; side < 2; ++side) {
            const double y = compressed_code(size, harms[side][f], shared.noise, shared.lost, random);
            row_firings[side].push_back({t, f, x, static_cast<float>(y)});
          }
        }
      });
    }
    for (std::size_t side = 0; side < 2; ++side) {
      qfa::sparse_codes reference(d.features), compressed(d.features);
      append_row(row_firings[side], d.row_tokens, reference, compressed);
      tables[side](reference, compressed, groups.of_tokens(row, 1, d.row_tokens));
    }
  }
  return tables;
}

/// The numbers that are asked about: of compression a, of both, and differences.
enum class quantity : std::uint8_t { survived, mean_r, median_r, jaccard, spearman, survived_gap, mean_gap };
inline constexpr std::array<std::string_view, 7> quantity_names{
    "S(.9)", "mean r", "median r", "Jaccard of r <= .9", "Spearman of 1 - r", "S(.9), a less b", "mean r, a less b"};

/// One quantity of the r of all features under a and under b.
inline double quantity_of(quantity q, std::span<const double> a, std::span<const double> b) {
  const auto survived = [](std::span<const double> r) { return qfa::outcome_share(r, qfa::outcome::survived); };
  switch (q) {
    case quantity::survived:
      return survived(a);
    case quantity::mean_r:
      return qfa::mean_correlation(a);
    case quantity::median_r:
      return qfa::lower_median({a.begin(), a.end()});
    case quantity::jaccard: {
      std::vector<std::uint8_t> in_a, in_b;
      for (std::size_t i = 0; i < a.size(); ++i) {
        in_a.push_back(a[i] <= 0.9);
        in_b.push_back(b[i] <= 0.9);
      }
      return qfa::jaccard(qfa::count_overlap(in_a, in_b));
    }
    case quantity::spearman:
      return qfa::spearman(a, b);
    case quantity::survived_gap:
      return survived(a) - survived(b);
    case quantity::mean_gap:
      break;
  }
  return qfa::mean_correlation(a) - qfa::mean_correlation(b);
}

/// The scale on which the library builds the quantity's interval.
inline qfa::interval_scale scale_of(quantity q) {
  switch (q) {
    case quantity::survived:
    case quantity::jaccard:
      return qfa::interval_scale::logit;
    case quantity::survived_gap:
    case quantity::mean_gap:
      return qfa::interval_scale::identity;
    default:
      return qfa::interval_scale::atanh;
  }
}

struct aggregate_result {
  double truth = 0.0;
  double mean_estimate = 0.0;
  double mean_corrected = 0.0;  ///< of the bias-corrected values
  double mean_error = 0.0;      ///< of the standard errors, on no scale
  hit_rate by_library;
  hit_rate unpaired;  ///< differences only: as if the two had been measured on different rows

  /// How far the plain estimate lies off on average, in standard errors; likewise the corrected one.
  double bias() const noexcept { return (mean_estimate - truth) / mean_error; }
  double corrected_bias() const noexcept { return (mean_corrected - truth) / mean_error; }
};

inline std::array<aggregate_result, quantity_names.size()> measure_aggregates(const aggregate_design& d,
                                                                              std::size_t repetitions,
                                                                              std::uint64_t seed) {
  const auto harms = draw_harms(d);
  const std::vector<double> true_a = true_rs(d, harms[0]), true_b = true_rs(d, harms[1]);
  std::vector<std::uint32_t> all(d.features);
  std::iota(all.begin(), all.end(), 0U);
  const auto honest = [](const qfa::comoments& c) { return qfa::pearson(c); };

  std::array<aggregate_result, quantity_names.size()> results;
  std::array<aggregate_result, quantity_names.size()> sums;
  for (std::size_t i = 0; i < repetitions; ++i) {
    const auto tables = draw_tables(d, harms, splitmix64{splitmix64{seed + i}()});
    const qfa::leave_one_out a = qfa::leave_groups_out(tables[0], honest);
    const qfa::leave_one_out b = qfa::leave_groups_out(tables[1], honest);
    for (std::size_t k = 0; k < results.size(); ++k) {
      const auto q = static_cast<quantity>(k);
      aggregate_result& result = results[k];
      result.truth = quantity_of(q, true_a, true_b);
      const auto theta = [&](std::span<const double> x, std::span<const double> y) { return quantity_of(q, x, y); };
      const qfa::estimate e = qfa::estimate_over(a, b, all, theta, {.scale = scale_of(q)});
      result.by_library(e.range.lower, e.range.upper, result.truth);
      sums[k].mean_estimate += e.value;
      sums[k].mean_corrected += e.bias_corrected;
      sums[k].mean_error += e.range.standard_error;
      if (q != quantity::survived_gap && q != quantity::mean_gap) continue;
      const auto of = q == quantity::survived_gap ? quantity::survived : quantity::mean_r;
      double squares = 0.0;
      for (const qfa::leave_one_out* side : {&a, &b}) {
        const auto one = [&](std::span<const double> x) { return quantity_of(of, x, x); };
        const double error = qfa::estimate_over(*side, all, one, {}).range.standard_error;
        squares += error * error;
      }
      const double reach = qfa::student_quantile(0.95, static_cast<double>(a.groups) - 1.0) * std::sqrt(squares);
      result.unpaired(e.value - reach, e.value + reach, result.truth);
    }
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    const double n = static_cast<double>(repetitions);
    results[k].mean_estimate = sums[k].mean_estimate / n;
    results[k].mean_corrected = sums[k].mean_corrected / n;
    results[k].mean_error = sums[k].mean_error / n;
  }
  return results;
}

}  // namespace qfa_test

#endif

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
#include "qfa/compare/damage_spearman.hpp"
#include "qfa/compare/overlap.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/lower_median.hpp"

namespace qfa_test {

struct aggregate_design {
  std::uint32_t features = 300;
  std::size_t rows = 400;
  std::size_t row_tokens = 128;
  double rate = 0.01;
  std::size_t shared_rows = 1;  ///< in a run, which share their noise and losses
  std::size_t groups = 0;       ///< 0: the rows' own
  std::uint64_t seed = 7;       ///< of the first set of features' damages; the next sets have the seeds after it
  /// Sets of features, of equally many repetitions each.  A count's bias depends on how many features happen to lie
  /// near the threshold, so one set would say more about itself than about the interval.
  std::size_t sets = 20;
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
  const qfa::row_groups groups = d.groups > 0 ? qfa::row_groups(d.rows, d.groups) : qfa::row_groups(d.rows);
  std::array<qfa::feature_table, 2> tables{qfa::feature_table(d.features, groups.groups()),
                                           qfa::feature_table(d.features, groups.groups())};
  std::array<std::vector<firing>, 2> row_firings;
  document_effects shared;  // noise and losses of the row, alike for all features and both compressions
  for (std::size_t row = 0; row < d.rows; ++row) {
    if (row % d.shared_rows == 0) {
      shared.noise = random.uniform() < 0.5 ? 0.5 : 1.5;
      shared.lost = random.burst();
    }
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

/// The quantity with the library's interval, and with that of the plain jackknife, of whole steps and without the bias.
struct both_estimates {
  qfa::estimate own;
  qfa::estimate plain;
};

inline both_estimates estimate_quantity(quantity q, const qfa::leave_one_out& a, const qfa::leave_one_out& b,
                                        std::span<const std::uint32_t> all) {
  const auto theta = [&](std::span<const double> x, std::span<const double> y) { return quantity_of(q, x, y); };
  const auto plain = [&](const qfa::jackknife_options& options) {
    return qfa::estimate_over(a, b, all, theta, options);
  };
  constexpr qfa::jackknife_options on_logit{.scale = qfa::interval_scale::logit};
  constexpr qfa::jackknife_options on_atanh{.scale = qfa::interval_scale::atanh};
  const qfa::outcome_chance survives{qfa::outcome::survived, {}};
  const qfa::countable of_a(a, all), of_b(b, all);
  const auto mean_of = [](std::span<const double> x, std::span<const double> y) {
    return qfa::mean_chance(x) - qfa::mean_chance(y);
  };
  switch (q) {
    case quantity::survived:
      return {qfa::count_outcome(of_a, survives).concluded(on_logit), plain(on_logit)};
    case quantity::jaccard: {
      const auto fails = [&](double r, double h) { return 1.0 - survives(r, h); };
      return {qfa::count_over(of_a, of_b, fails, qfa::jaccard_of_chances).concluded(on_logit), plain(on_logit)};
    }
    case quantity::survived_gap:
      return {qfa::count_over(of_a, of_b, survives, mean_of).concluded({}), plain({})};
    case quantity::median_r:
      return {qfa::estimate_median(a, all), plain(on_atanh)};
    case quantity::spearman:
      return {qfa::damage_spearman(a, b, all), plain(on_atanh)};
    case quantity::mean_gap:
      return {plain({}), plain({})};
    case quantity::mean_r:
      break;
  }
  return {plain(on_atanh), plain(on_atanh)};
}

struct aggregate_result {
  double truth = 0.0;  ///< all means are over repetitions
  double mean_estimate = 0.0;
  double mean_corrected = 0.0;     ///< of the bias-corrected values
  double mean_error = 0.0;         ///< of the standard errors, on no scale
  double least = 1.0, most = 0.0;  ///< coverage of single sets of features
  hit_rate by_library;
  hit_rate by_plain;  ///< the plain jackknife
  hit_rate unpaired;  ///< differences only: as if the two had been measured on different rows

  /// How far the plain estimate lies off on average, in standard errors; likewise the corrected one.
  double bias() const noexcept { return (mean_estimate - truth) / mean_error; }
  double corrected_bias() const noexcept { return (mean_corrected - truth) / mean_error; }
};

using aggregate_results = std::array<aggregate_result, quantity_names.size()>;

/// Of one set of features; sums where `aggregate_result` has means.
inline aggregate_results measure_set(const aggregate_design& d, std::size_t repetitions, std::uint64_t seed) {
  const auto harms = draw_harms(d);
  const std::vector<double> true_a = true_rs(d, harms[0]), true_b = true_rs(d, harms[1]);
  std::vector<std::uint32_t> all(d.features);
  std::iota(all.begin(), all.end(), 0U);
  const auto honest = [](const qfa::comoments& c) { return qfa::pearson(c); };
  aggregate_results sums;
  for (std::size_t i = 0; i < repetitions; ++i) {
    const auto tables = draw_tables(d, harms, splitmix64{splitmix64{seed + i}()});
    const qfa::leave_one_out a = qfa::leave_groups_out(tables[0], honest);
    const qfa::leave_one_out b = qfa::leave_groups_out(tables[1], honest);
    for (std::size_t k = 0; k < sums.size(); ++k) {
      const auto q = static_cast<quantity>(k);
      aggregate_result& sum = sums[k];
      const double truth = quantity_of(q, true_a, true_b);
      const auto [own, plain] = estimate_quantity(q, a, b, all);
      sum.by_library(own.range.lower, own.range.upper, truth);
      sum.by_plain(plain.range.lower, plain.range.upper, truth);
      sum.truth += truth;
      sum.mean_estimate += own.value;
      sum.mean_corrected += own.bias_corrected;
      sum.mean_error += own.range.standard_error;
      if (q != quantity::survived_gap && q != quantity::mean_gap) continue;
      const auto of = q == quantity::survived_gap ? quantity::survived : quantity::mean_r;
      const double of_a = estimate_quantity(of, a, a, all).own.range.standard_error;
      const double of_b = estimate_quantity(of, b, b, all).own.range.standard_error;
      const double reach = qfa::student_quantile(0.95, static_cast<double>(a.groups) - 1.0) * std::hypot(of_a, of_b);
      sum.unpaired(own.value - reach, own.value + reach, truth);
    }
  }
  return sums;
}

inline aggregate_results measure_aggregates(aggregate_design d, std::size_t repetitions, std::uint64_t seed) {
  aggregate_results results;
  const std::size_t each = repetitions / d.sets;
  for (std::size_t set = 0; set < d.sets; ++set, ++d.seed) {
    const aggregate_results sums = measure_set(d, each, seed + set * each);
    for (std::size_t k = 0; k < results.size(); ++k) {
      aggregate_result& all = results[k];
      all.truth += sums[k].truth;
      all.mean_estimate += sums[k].mean_estimate;
      all.mean_corrected += sums[k].mean_corrected;
      all.mean_error += sums[k].mean_error;
      all.by_library += sums[k].by_library;
      all.by_plain += sums[k].by_plain;
      all.unpaired += sums[k].unpaired;
      all.least = (std::min)(all.least, sums[k].by_library.share());
      all.most = (std::max)(all.most, sums[k].by_library.share());
    }
  }
  for (aggregate_result& r : results)
    for (double* const mean : {&r.truth, &r.mean_estimate, &r.mean_corrected, &r.mean_error})
      *mean /= static_cast<double>(each * d.sets);
  return results;
}

}  // namespace qfa_test

#endif

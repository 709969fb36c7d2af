// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COVERAGE_SELECTION_HPP
#define QFA_TESTS_COVERAGE_SELECTION_HPP

// How often intervals of what the even groups of rows choose and the odd ones judge cover the truth of what was chosen,
// where groups are as long as rows depend on each other, and where they are shorter.

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "aggregates.hpp"
#include "coverage.hpp"
#include "qfa/audit/worst_features.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/survival/aggregates.hpp"

namespace qfa_test {

/// Rows that share their noise and losses in runs, and the groups that an audit cuts them into.
struct selection_design {
  const char* name;
  std::size_t shared_rows;
  std::size_t groups;
};

/// 400 rows: of runs of 20 rows 8 groups are the longest that an interval takes; of 16 for either half to have 8, a
/// group is 25 rows long.
inline constexpr std::array<selection_design, 5> selection_designs{{
    {"rows by themselves", 1, 64},
    {"rows by themselves", 1, 16},
    {"runs of 20 rows", 20, 64},
    {"runs of 20 rows", 20, 16},
    {"runs of 20 rows", 20, 8},
}};

struct selection_result {
  double chosen = 0.0;                   ///< mean over repetitions of the worst ones' mean r where they were chosen
  double judged = 0.0;                   ///< where they were not
  double truth = 0.0;                    ///< of the same features
  hit_rate of_worst, of_each, if_naive;  ///< mean r of the worst; r of each; the first about the chosen value
  hit_rate of_all;                       ///< mean r of all features, by all groups
  std::size_t refused = 0;               ///< mean r of the worst without an interval
};

/// 200 features, of which the worst 5 % are ten: all of them are listed.
inline selection_result measure_selection(const selection_design& of, std::size_t repetitions, std::uint64_t seed) {
  aggregate_design d{.features = 200, .shared_rows = of.shared_rows, .groups = of.groups};
  constexpr std::size_t sets = 20;
  std::vector<std::uint32_t> all(d.features);
  std::iota(all.begin(), all.end(), 0U);
  selection_result out;
  std::size_t done = 0;
  for (std::size_t set = 0; set < sets; ++set, ++d.seed) {
    const auto harms = draw_harms(d);
    const std::vector<double> truths = true_rs(d, harms[0]);
    double true_mean = 0.0;
    for (const double r : truths)
      true_mean += r / static_cast<double>(truths.size());
    for (std::size_t i = 0; i < repetitions / sets; ++i, ++done) {
      const auto tables = draw_tables(d, harms, splitmix64{splitmix64{seed + done}()});
      qfa::survey s;
      s.rules = qfa::honest;
      s.counted = all;
      const qfa::worst_features w = qfa::find_worst_features(tables[0], s);
      double truth = 0.0;
      for (const qfa::chosen_feature& f : w.listed)
        truth += truths[f.feature] / static_cast<double>(w.listed.size());
      out.chosen += w.chosen_mean;
      out.judged += w.mean.value;
      out.truth += truth;
      const qfa::leave_one_out r =
          qfa::leave_groups_out(tables[0], [](const qfa::comoments& c) { return qfa::pearson(c); });
      const qfa::estimate mean =
          qfa::estimate_over(r, all, qfa::mean_correlation, {.scale = qfa::interval_scale::atanh});
      out.of_all(mean.range.lower, mean.range.upper, true_mean);
      if (w.mean.range.kind == qfa::interval_kind::refused) {
        ++out.refused;
        continue;
      }
      out.of_worst(w.mean.range.lower, w.mean.range.upper, truth);
      const double gap = w.chosen_mean - w.mean.value;
      out.if_naive(w.mean.range.lower + gap, w.mean.range.upper + gap, truth);
      for (const qfa::chosen_feature& f : w.listed)
        if (f.r.range.kind == qfa::interval_kind::two_sided)
          out.of_each(f.r.range.lower, f.r.range.upper, truths[f.feature]);
    }
  }
  for (double* const mean : {&out.chosen, &out.judged, &out.truth})
    *mean /= static_cast<double>(done);
  return out;
}

}  // namespace qfa_test

#endif

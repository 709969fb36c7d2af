// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_COVERAGE_COVERAGE_HPP
#define QFA_TESTS_COVERAGE_COVERAGE_HPP

// How often intervals of the library cover a known r, and how often wrong ones would.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "designs.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/leave_one_out.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/stats/student.hpp"

namespace qfa_test {

/// How far a coverage may lie from its level: .01 and 1.96 standard errors of 2000 repetitions, or of fewer where there
/// are fewer.  More are drawn to measure against that bar, not to lower it.
inline double accepted_gap(double repetitions, double level = 0.95) {
  return 1.96 * std::sqrt(level * (1.0 - level) / (std::min)(repetitions, 2000.0)) + 0.01;
}

struct hit_rate {
  std::size_t covered = 0, asked = 0;

  void operator()(double lower, double upper, double truth) noexcept {
    covered += lower <= truth && truth <= upper;
    ++asked;
  }
  hit_rate& operator+=(const hit_rate& other) noexcept {
    covered += other.covered;
    asked += other.asked;
    return *this;
  }
  double share() const noexcept { return static_cast<double>(covered) / static_cast<double>(asked); }
  bool accepted(double level = 0.95) const { return std::fabs(share() - level) <= accepted_gap(double(asked), level); }
};

/// What is compared with the library's own intervals.
enum class formula : std::uint8_t {
  library,
  iid_tokens,
  iid_firings,
  dof_of_groups,
  mean_of_groups,
  interleaved,
  dof_of_reference,
  no_skewness
};
inline constexpr std::array<std::string_view, 8> formula_names{
    "library",          "Fisher z, n = tokens",    "Fisher z, n = firings",
    "64 groups, t(63)", "se of a mean of groups",  "interleaved groups",
    "t(m_eff - 1)",     "library without skewness"};

struct coverage_result {
  double truth = 0.0;
  double median_effective = 0.0;
  std::size_t repetitions = 0;
  std::size_t unmeasured = 0;                       ///< refused: under 5 effective groups, or undefined
  hit_rate few;                                     ///< the library's, 5 to 10 effective groups
  std::array<hit_rate, formula_names.size()> by{};  ///< 10 effective groups and more

  const hit_rate& of(formula f) const { return by[static_cast<std::size_t>(f)]; }
};

/// Runs a design through the library's own accumulators.
inline coverage_result measure_coverage(const design& d, std::uint32_t repetitions, std::uint64_t seed) {
  const qfa::row_groups groups(d.rows);
  qfa::feature_table table(repetitions, groups.groups()), interleaved(repetitions, groups.groups());
  draw_stream(d, repetitions, seed,
              [&](std::size_t first, std::size_t rows, const auto& reference, const auto& compressed) {
                std::vector<std::uint32_t> group = groups.of_tokens(first, rows, d.row_tokens);
                table(reference, compressed, group);
                for (std::size_t t = 0; t < group.size(); ++t)
                  group[t] = static_cast<std::uint32_t>((first + t / d.row_tokens) % groups.groups());
                interleaved(reference, compressed, group);
              });
  const auto honest = [](const qfa::comoments& c) { return qfa::pearson(c); };
  const qfa::leave_one_out r = qfa::leave_groups_out(table, honest);
  const qfa::leave_one_out mixed = qfa::leave_groups_out(interleaved, honest);

  coverage_result out;
  out.truth = true_r(d);
  out.repetitions = repetitions;
  std::vector<double> effective;
  for (std::size_t f = 0; f < repetitions; ++f) {
    effective.push_back(r.evidence[f].effective);
    const qfa::interval& range = r.ranges[f];
    if (range.kind == qfa::interval_kind::refused) {
      ++out.unmeasured;
      continue;
    }
    if (r.evidence[f].effective < 10.0) {
      out.few(range.lower, range.upper, out.truth);
      continue;
    }
    const auto count = [&](formula which, double reach) {
      const double z = std::atanh(r.r[f]);
      out.by[static_cast<std::size_t>(which)](std::tanh(z - reach), std::tanh(z + reach), out.truth);
    };
    out.by[0](range.lower, range.upper, out.truth);
    const double normal = 1.959963984540054, g = static_cast<double>(r.groups);
    const qfa::feature_totals total = table.total(f);
    count(formula::iid_tokens, normal / std::sqrt(static_cast<double>(total.tokens) - 3.0));
    count(formula::iid_firings, normal / std::sqrt(static_cast<double>(total.fired.reference_firings) - 3.0));
    count(formula::dof_of_groups, qfa::student_quantile(0.95, g - 1.0) * range.scale_error);
    // Deletions taken for a sample whose mean is asked for: squares over G (G - 1), not times (G - 1) / G.
    count(formula::mean_of_groups,
          qfa::student_quantile(0.95, r.evidence[f].effective - 1.0) * range.scale_error / (g - 1.0));
    count(formula::dof_of_reference, qfa::student_quantile(0.95, r.evidence[f].effective - 1.0) * range.scale_error);
    count(formula::no_skewness, qfa::student_quantile(0.95, range.dof) * range.scale_error);
    const qfa::interval& wrong = mixed.ranges[f];
    out.by[static_cast<std::size_t>(formula::interleaved)](wrong.lower, wrong.upper, out.truth);
  }
  std::nth_element(effective.begin(), effective.begin() + static_cast<std::ptrdiff_t>(effective.size() / 2),
                   effective.end());
  out.median_effective = effective[effective.size() / 2];
  return out;
}

/// The designs of the coverage table.  The last are the hardest: the heaviest tails in a long stream, and damage that
/// is a few lost and a few new firings.
inline constexpr harm lost_and_ghosts{.noise = 0.25, .lost = 0.05, .ghosts = 0.02};
inline constexpr std::array<design, 13> all_designs{{
    {.name = "base", .rows = 400, .rate = 0.01},
    {.name = "rare", .rows = 400, .rate = 0.002},
    {.name = "frequent", .rows = 400, .rate = 0.05},
    {.name = "long", .rows = 1600, .rate = 0.01},
    {.name = "very rare", .rows = 400, .rate = 0.0003},
    {.name = "very rare, long", .rows = 6400, .rate = 0.0003},
    {.name = "heavy tails", .rows = 400, .rate = 0.01, .heavy_tails = true},
    {.name = "documents of 3 rows", .rows = 400, .rate = 0.01, .document_rows = 3},
    {.name = "drift", .rows = 400, .rate = 0.01, .drift = 0.5},
    {.name = "heavy tails, long", .rows = 1600, .rate = 0.01, .heavy_tails = true},
    {.name = "flips", .rows = 400, .rate = 0.01, .damage = lost_and_ghosts},
    {.name = "flips, rare", .rows = 400, .rate = 0.002, .damage = lost_and_ghosts},
    {.name = "flips, heavy tails", .rows = 400, .rate = 0.01, .heavy_tails = true, .damage = lost_and_ghosts},
}};
}  // namespace qfa_test

#endif

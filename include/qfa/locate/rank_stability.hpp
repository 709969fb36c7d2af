// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_RANK_STABILITY_HPP
#define QFA_LOCATE_RANK_STABILITY_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/compare/correlation.hpp"
#include "qfa/compare/ranks.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/locate/noise_sum.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/smoothed_count.hpp"
#include "qfa/stats/student.hpp"

// How sure it is that two halves of rows rank units alike.
//
// Ranks go in whole steps.  Leaving out one of G groups rarely changes the order of two units, and where it does, a
// correlation of .997 moves by as much as all that it lacks of 1: on atanh the plain jackknife's interval of 21 clearly
// ranked units is [.1, 1].  So the step of every pair is smoothed over a bandwidth of their difference,
//
//   grade of u = sum over v of Phi((x_u - x_v) / h_uv)  for  rank of u = sum over v of 1[x_u > x_v]
//
// as counts of features have it (stats/smoothed_count.hpp).  What is to be covered is the correlation that two such
// halves have on average, E rho: noise belongs to it.  A step has then the variance p (1 - p), p the chance of the
// order seen; over all places of the true difference that is se / sqrt(pi), and that of the smoothed step is
// se^2 / (2 sqrt(pi) h): the same at h = se / 2.  At h = se grades have the noise twice, and their correlation lies
// below E rho by about what the orders that have not been seen yet would take from it.

namespace qfa {

namespace detail {

/// The damage of units on one half of the groups of rows, with and without each of its groups.
struct half_damage {
  std::vector<double> all;                   // (units)
  std::vector<std::vector<double>> without;  // (groups of the half, units)
};

inline half_damage half_damage_of(std::span<const noise_sum* const> units, std::size_t half) {
  half_damage out;
  for (const noise_sum* unit : units)
    out.all.push_back(unit->half[half]);
  const std::size_t groups = units.empty() ? 0 : units.front()->half_without.size();
  for (std::size_t g = half; g < groups; g += 2) {
    std::vector<double>& rest = out.without.emplace_back();
    for (const noise_sum* unit : units)
      rest.push_back(unit->half_without[g]);
  }
  return out;
}

/// Standard errors of the differences of any two units on a half, (units, units): the root of the mean of both halves'.
inline std::vector<double> errors_of_gaps(const std::array<half_damage, 2>& halves) {
  const std::size_t units = halves[0].all.size();
  std::vector<double> out(units * units, 0.0);
  parallel_for(units, [&](std::size_t u) {
    std::vector<double> gaps;
    for (std::size_t v = 0; v < units; ++v) {
      double squares = 0.0;
      for (const half_damage& half : halves) {
        gaps.clear();
        for (const std::vector<double>& rest : half.without)
          gaps.push_back(rest[u] - rest[v]);
        const double error = spread_of(half.all[u] - half.all[v], gaps);
        squares += 0.5 * error * error;
      }
      out[u * units + v] = std::sqrt(squares);
    }
  });
  return out;
}

/// Grades about their mean (units - 1) / 2; steps are smoothed over `share` of the errors, and equals share theirs.
inline std::vector<double> centered_grades(std::span<const double> values, std::span<const double> errors,
                                           double share) {
  const std::size_t units = values.size();
  std::vector<double> out(units, -0.5 * (static_cast<double>(units) - 1.0));
  for (std::size_t u = 0; u < units; ++u)
    for (std::size_t v = 0; v < units; ++v)
      if (u != v)
        out[u] += values[u] == values[v] ? 0.5 : chance_above(values[u], values[v], share * errors[u * units + v]);
  return out;
}

/// The correlation of smoothed grades of both halves, of all groups and without each, over the spread of the plain
/// ranks: what it is of ranks, were the halves to be drawn again.
inline estimate smoothed_rank_agreement(const std::array<half_damage, 2>& halves, std::span<const double> errors,
                                        double share, const jackknife_options& options) {
  const auto product = [](std::span<const double> a, std::span<const double> b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += a[i] * b[i];
    return sum;
  };
  double squares = 1.0;
  for (const half_damage& half : halves) {
    std::vector<double> ranks = mid_ranks(half.all);
    for (double& rank : ranks)
      rank -= 0.5 * (static_cast<double>(ranks.size()) + 1.0);
    squares *= product(ranks, ranks);
  }
  const std::array<std::vector<double>, 2> whole{centered_grades(halves[0].all, errors, share),
                                                 centered_grades(halves[1].all, errors, share)};
  const auto agreement = [&](std::span<const double> a, std::span<const double> b) {
    return std::clamp(product(a, b) / std::sqrt(squares), -1.0, 1.0);
  };
  const std::size_t groups = halves[0].without.size() + halves[1].without.size();
  return jackknife(
      agreement(whole[0], whole[1]), groups,
      [&](std::size_t g) {
        return agreement(centered_grades(halves[g % 2].without[g / 2], errors, share), whole[1 - g % 2]);
      },
      options);
}

}  // namespace detail

/// Spearman's correlation of units' damage on the even and on the odd groups of rows, with an interval for what two
/// halves of as many rows have on average.  A group that is left out is missing from its half alone.
///
/// The lower end lies t standard errors below the correlation of grades at h = se, the upper one, on atanh, above that
/// at h = se / 2; t has G - 2 degrees of freedom, and both ends reach as far as the value.  In simulations of 3 to 40
/// units and 8 to 64 groups it covers 92 to 100 % (examples/docs/intervals.md).  Refused and one-sided as `jackknife`
/// has it; `bias_corrected` is NaN, since the value has no bias as an estimate of its own mean.
inline estimate rank_stability(std::span<const noise_sum* const> units, double level = 0.95) {
  const std::array<detail::half_damage, 2> halves{detail::half_damage_of(units, 0), detail::half_damage_of(units, 1)};
  const double groups = static_cast<double>(halves[0].without.size() + halves[1].without.size());
  const jackknife_options options{.scale = interval_scale::atanh, .level = level, .dof = groups - 2.0};
  const double value = spearman(halves[0].all, halves[1].all);
  if (std::isnan(value)) return jackknife(value, std::span<const double>{}, options);
  const std::vector<double> errors = detail::errors_of_gaps(halves);
  estimate out = detail::smoothed_rank_agreement(halves, errors, 1.0, options);
  const double broad = out.value;
  out.value = value;
  out.bias_corrected = std::numeric_limits<double>::quiet_NaN();
  interval& range = out.range;
  // At a bound that no group moves it from, not even smoothed, the exact statement stands.
  if (range.kind == interval_kind::refused || !(range.standard_error > 0.0)) return out;
  const double lower = broad - student_quantile(level, range.dof) * range.standard_error;
  const estimate fine = detail::smoothed_rank_agreement(halves, errors, 0.5, options);
  range = fine.range;
  range.kind = interval_kind::two_sided;
  range.reason = {};
  range.lower = std::clamp(lower, -1.0, value);
  range.upper = fine.range.kind == interval_kind::two_sided ? (std::max)(fine.range.upper, value) : 1.0;
  return out;
}

}  // namespace qfa

#endif

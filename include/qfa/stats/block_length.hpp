// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_BLOCK_LENGTH_HPP
#define QFA_STATS_BLOCK_LENGTH_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "qfa/stats/row_groups.hpp"

namespace qfa {

namespace detail {

/// The flat-top window of Politis and Romano (1995).
inline double flat_top(double u) noexcept { return (std::min)(1.0, 2.0 * (1.0 - std::fabs(u))); }

/// Autocovariances at lags 0 .. lags, divided by n each.
inline std::vector<double> autocovariances(std::span<const double> series, std::size_t lags) {
  const double n = static_cast<double>(series.size());
  double mean = 0.0;
  for (const double x : series)
    mean += x / n;
  std::vector<double> out(lags + 1, 0.0);
  for (std::size_t k = 0; k <= lags; ++k)
    for (std::size_t t = 0; t + k < series.size(); ++t)
      out[k] += (series[t] - mean) * (series[t + k] - mean) / n;
  return out;
}

/// Half of the window's bandwidth: the least lag, 1 at least, behind which `run` autocorrelations in a row are
/// negligible; if there is none, the last lag that is not.
inline std::size_t negligible_behind(std::span<const double> gamma, std::size_t run, double bound) noexcept {
  std::size_t last = 0;  // lag so far that is not negligible
  for (std::size_t k = 1; k < gamma.size(); ++k) {
    if (std::fabs(gamma[k]) >= bound * gamma[0]) last = k;
    if (k - last == run) return (std::max<std::size_t>)(last, 1);
  }
  return (std::max<std::size_t>)(last, 1);
}

}  // namespace detail

/// How many consecutive values of a stationary series form a block that is as good as independent of others: the length
/// that minimizes the error of a circular block bootstrap's variance (Politis and White 2004, corrected by Patton,
/// Politis and White 2009),
///
///   b* = (2 g^2 n / d)^(1/3),   g = sum_k w(k/M) |k| gamma_k,   d = 4/3 (sum_k w(k/M) gamma_k)^2
///
/// over lags |k| <= M, w the flat-top window.  M is twice the lag behind which max(5, ceil(sqrt(log10 n)))
/// autocorrelations in a row lie within 2 sqrt(log10(n) / n), at most ceil(sqrt n) + that number.  At most
/// ceil(min(3 sqrt n, n / 3)).  NaN for under 16 values, for a constant, and where one is not finite.
inline double block_length(std::span<const double> series) {
  constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
  if (series.size() < 16) return undefined;
  for (const double x : series)
    if (!std::isfinite(x)) return undefined;
  // Told by its extremes: a constant's computed mean need not equal it.
  const auto [low, high] = std::minmax_element(series.begin(), series.end());
  if (*low == *high) return undefined;
  const double n = static_cast<double>(series.size());
  const auto run = (std::max<std::size_t>)(5, static_cast<std::size_t>(std::ceil(std::sqrt(std::log10(n)))));
  const std::size_t most = static_cast<std::size_t>(std::ceil(std::sqrt(n))) + run;
  const std::vector<double> gamma = detail::autocovariances(series, (std::min)(most, series.size() - 1));
  const std::size_t half = detail::negligible_behind(gamma, run, 2.0 * std::sqrt(std::log10(n) / n));
  const std::size_t bandwidth = (std::min)(2 * half, gamma.size() - 1);
  double weighted = 0.0, plain = gamma[0];
  for (std::size_t k = 1; k <= bandwidth; ++k) {
    const double lag = static_cast<double>(k);
    const double both_ways = 2.0 * detail::flat_top(lag / static_cast<double>(bandwidth)) * gamma[k];
    weighted += lag * both_ways;
    plain += both_ways;
  }
  const double longest = std::ceil((std::min)(3.0 * std::sqrt(n), n / 3.0));
  const double spread = 4.0 / 3.0 * plain * plain;
  if (!(spread > 0.0)) return longest;
  return (std::min)(std::cbrt(2.0 * weighted * weighted / spread * n), longest);
}

/// Whether a stream's groups of rows are long enough for what its rows have to do with each other.
struct group_length_check {
  double block_length = std::numeric_limits<double>::quiet_NaN();  ///< b*, rows; the longest of the series'
  std::size_t groups = 0;                                          ///< as they are
  std::size_t advised = 0;  ///< halved until a group holds 2 b* rows, 1 at least; `groups` where that is so already

  bool long_enough() const noexcept { return advised == groups; }
};

/// b* of a run of `rows` rows out of `of` whose series has the block length `length`: g and d are the series' own, and
/// b* grows with the cube root of n.  Throws where `of` is 0.
inline double block_length_of_part(double length, std::size_t of, std::size_t rows) {
  require(of > 0, "a part of a series has rows out of some");
  return length * std::cbrt(static_cast<double>(rows) / static_cast<double>(of));
}

/// Of how many rows 8 groups would hold two blocks each, where b* is `length` for `rows` of them: n = 16 b*(n), and b*
/// grows with the cube root of n, so n = 16 length sqrt(16 length / rows).
inline double rows_long_enough(double length, std::size_t rows) {
  const double needed = 2.0 * length * static_cast<double>(minimum_groups);
  return needed * std::sqrt(needed / static_cast<double>(rows));
}

/// Checks groups by a block length, which may be NaN or 0: then nothing is known against them.
inline group_length_check check_group_length(const row_groups& groups, double length) {
  group_length_check out;
  out.groups = out.advised = groups.groups();
  if (!(length > 0.0)) return out;
  out.block_length = length;
  const double rows = static_cast<double>(groups.rows());
  while (out.advised > 1 && rows < 2.0 * length * static_cast<double>(out.advised))
    out.advised = out.advised / 2;
  return out;
}

/// Checks groups by series with a value for each row, in order; one that has no block length is passed over.  Throws
/// where a series has not one value for each row of the groups.
inline group_length_check check_group_length(const row_groups& groups,
                                             std::span<const std::vector<double>> series_by_row) {
  double longest = std::numeric_limits<double>::quiet_NaN();
  for (const std::vector<double>& series : series_by_row) {
    require(series.size() == groups.rows(), "check_group_length needs a value for each row of the groups");
    const double length = block_length(series);
    if (!std::isnan(length)) longest = std::fmax(longest, length);
  }
  return check_group_length(groups, longest);
}

/// Groups of rows that are long enough for blocks of `length` rows, which may be NaN: while the mean group holds fewer
/// than 2 b* rows, neighbors are joined, but never to fewer than the 8 groups that intervals take.
inline row_groups lengthen(row_groups groups, double length) {
  const double rows = static_cast<double>(groups.rows());
  while (rows < 2.0 * length * static_cast<double>(groups.groups()) && groups.groups() / 2 >= minimum_groups)
    groups = groups.halved();
  return groups;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_OVERLAP_HPP
#define QFA_COMPARE_OVERLAP_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Two subsets A and B of one population, by their sizes: all that measures of overlap look at.
///
///            in B               not in B
///   in A     both               a - both
///   not      b - both           population - a - b + both
struct set_sizes {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t both = 0;
  std::size_t population = 0;

  constexpr std::size_t either() const noexcept { return a + b - both; }
  constexpr std::size_t neither() const noexcept { return population - either(); }
  bool operator==(const set_sizes&) const = default;
};

/// Throws unless two sets of these sizes can exist.
inline void check_set_sizes(const set_sizes& s) {
  require(s.both <= s.a && s.both <= s.b, "two sets share at most as many members as the smaller one has");
  require(s.a <= s.population && s.b - s.both <= s.population - s.a, "two sets do not fit into their population");
}

/// The sizes of two sets that are given by membership, any value but 0 meaning yes.  Throws where the two differ in
/// length.
inline set_sizes count_overlap(std::span<const std::uint8_t> in_a, std::span<const std::uint8_t> in_b) {
  require(in_a.size() == in_b.size(), "count_overlap needs both memberships of every member of the population");
  set_sizes s{.population = in_a.size()};
  for (std::size_t i = 0; i < in_a.size(); ++i) {
    s.a += in_a[i] != 0;
    s.b += in_b[i] != 0;
    s.both += in_a[i] != 0 && in_b[i] != 0;
  }
  return s;
}

namespace detail {

inline double ratio_or_nan(double numerator, double denominator) noexcept {
  return denominator == 0.0 ? std::numeric_limits<double>::quiet_NaN() : numerator / denominator;
}

}  // namespace detail

/// What the Jaccard index of two empty sets is: undefined here, and 1 in the scripts released with arXiv 2606.03002.
inline constexpr double empty_sets_undefined = std::numeric_limits<double>::quiet_NaN();
inline constexpr double empty_sets_agree = 1.0;

/// Jaccard index: the share of members of either set that are in both.
inline double jaccard(const set_sizes& s, double of_empty_sets = empty_sets_undefined) {
  check_set_sizes(s);
  if (s.either() == 0) return of_empty_sets;
  return static_cast<double>(s.both) / static_cast<double>(s.either());
}

/// The Jaccard index to expect if the two sets were drawn independently of each other, at their sizes: the exact mean
/// of k / (a + b - k) over the hypergeometric number k of shared members.  NaN for two empty sets.
///
/// Probabilities come from ratios, outward from the most probable k, until they no longer count:
///
///   p(k + 1) / p(k) = (a - k) (b - k) / ((k + 1) (N - a - b + k + 1))
///
/// No factorial is formed, so nothing overflows and no global state (lgamma's sign) is touched.
inline double expected_jaccard(const set_sizes& s) {
  check_set_sizes(s);
  if (s.a + s.b == 0) return std::numeric_limits<double>::quiet_NaN();
  const double a = static_cast<double>(s.a);
  const double b = static_cast<double>(s.b);
  const double n = static_cast<double>(s.population);
  const double fewest = (std::max)(0.0, a + b - n);
  const double most = (std::min)(a, b);
  const double mode = std::clamp(std::floor((a + 1.0) * (b + 1.0) / (n + 2.0)), fewest, most);
  constexpr double negligible = 1e-20;  // against a total of at least 1; past the mode weights fall ever faster

  double total = 1.0;
  double sum = mode / (a + b - mode);
  double weight = 1.0;
  for (double k = mode; k < most && weight > negligible; ++k) {
    weight *= (a - k) * (b - k) / ((k + 1.0) * (n - a - b + k + 1.0));
    total += weight;
    sum += weight * (k + 1.0) / (a + b - (k + 1.0));
  }
  weight = 1.0;
  for (double k = mode; k > fewest && weight > negligible; --k) {
    weight *= k * (n - a - b + k) / ((a - k + 1.0) * (b - k + 1.0));
    total += weight;
    sum += weight * (k - 1.0) / (a + b - (k - 1.0));
  }
  return sum / total;
}

/// The same by plugging the expected number of shared members k = a b / N into k / (a + b - k): quicker to check by
/// hand, a little off for small sets.  NaN for two empty sets.
inline double plug_in_expected_jaccard(const set_sizes& s) {
  check_set_sizes(s);
  if (s.a + s.b == 0) return std::numeric_limits<double>::quiet_NaN();
  const double a = static_cast<double>(s.a);
  const double b = static_cast<double>(s.b);
  const double k = a * b / static_cast<double>(s.population);
  return k / (a + b - k);
}

/// The largest Jaccard index that two sets of these sizes can have: the smaller over the larger.  NaN for two empty
/// sets.
inline double jaccard_ceiling(const set_sizes& s) {
  check_set_sizes(s);
  return detail::ratio_or_nan(static_cast<double>((std::min)(s.a, s.b)), static_cast<double>((std::max)(s.a, s.b)));
}

/// Where the Jaccard index stands between chance (0) and its ceiling (1); negative below chance.  NaN where the sizes
/// leave no room between the two.
inline double jaccard_above_chance(const set_sizes& s) {
  const double chance = expected_jaccard(s);
  return detail::ratio_or_nan(jaccard(s) - chance, jaccard_ceiling(s) - chance);
}

/// Overlap coefficient: the share of the smaller set that the other contains.  NaN if one is empty.
inline double overlap_coefficient(const set_sizes& s) {
  check_set_sizes(s);
  return detail::ratio_or_nan(static_cast<double>(s.both), static_cast<double>((std::min)(s.a, s.b)));
}

/// Cohen's kappa: agreement on who belongs, beyond what the sizes alone would give.  NaN where they leave no room for
/// disagreement: both sets empty, or both everything.
inline double cohen_kappa(const set_sizes& s) {
  check_set_sizes(s);
  const double n = static_cast<double>(s.population);
  const double a = static_cast<double>(s.a);
  const double b = static_cast<double>(s.b);
  // Observed and expected agreement, both times n^2.
  const double observed = n * static_cast<double>(s.both + s.neither());
  const double expected = a * b + (n - a) * (n - b);
  return detail::ratio_or_nan(observed - expected, n * n - expected);
}

/// Odds of belonging to B inside A over the odds outside: 1 for independent sets.  Infinite where one set contains the
/// other and the odds outside are 0; NaN for 0 / 0.
inline double odds_ratio(const set_sizes& s) {
  check_set_sizes(s);
  const double agree = static_cast<double>(s.both) * static_cast<double>(s.neither());
  const double differ = static_cast<double>(s.a - s.both) * static_cast<double>(s.b - s.both);
  if (differ > 0.0) return agree / differ;
  return agree > 0.0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
}

/// The sizes of two sets within each stratum of the population: stratum_of[i] < strata says where member i belongs.
/// Throws where the three differ in length, and for a stratum beyond `strata`.
inline std::vector<set_sizes> count_overlap_by_stratum(std::span<const std::uint8_t> in_a,
                                                       std::span<const std::uint8_t> in_b,
                                                       std::span<const std::uint32_t> stratum_of, std::size_t strata) {
  require(in_a.size() == in_b.size() && in_a.size() == stratum_of.size(),
          "count_overlap_by_stratum needs both memberships and a stratum for every member of the population");
  std::vector<set_sizes> sizes(strata);
  for (std::size_t i = 0; i < in_a.size(); ++i) {
    require(stratum_of[i] < strata, "count_overlap_by_stratum met a stratum beyond the number of strata");
    set_sizes& s = sizes[stratum_of[i]];
    ++s.population;
    s.a += in_a[i] != 0;
    s.b += in_b[i] != 0;
    s.both += in_a[i] != 0 && in_b[i] != 0;
  }
  return sizes;
}

/// Odds ratio of belonging to both sets with the stratum held fixed (Mantel and Haenszel 1959):
///
///   sum both neither / n  over  sum (a - both) (b - both) / n
///
/// Infinite where only the second sum is 0, NaN where both are.  Empty strata say nothing and are passed over.
inline double mantel_haenszel_odds_ratio(std::span<const set_sizes> strata) {
  double agree = 0.0;
  double differ = 0.0;
  for (const set_sizes& s : strata) {
    check_set_sizes(s);
    if (s.population == 0) continue;
    const double n = static_cast<double>(s.population);
    agree += static_cast<double>(s.both) * static_cast<double>(s.neither()) / n;
    differ += static_cast<double>(s.a - s.both) * static_cast<double>(s.b - s.both) / n;
  }
  if (differ > 0.0) return agree / differ;
  return agree > 0.0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace qfa

#endif

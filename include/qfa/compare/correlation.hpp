// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_CORRELATION_HPP
#define QFA_COMPARE_CORRELATION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compare/ranks.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

namespace detail {

/// values - mean, divided by the largest magnitude so that squares neither overflow nor vanish.  Empty for a constant
/// sequence, which is told by its extremes: its computed mean need not equal its value.
inline std::vector<double> centered_for_correlation(std::span<const double> values) {
  if (values.empty()) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*low == *high) return {};
  const double n = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double v : values)
    mean += v / n;
  std::vector<double> centered(values.begin(), values.end());
  double largest = 0.0;
  double rest = 0.0;  // what rounding left in the mean
  for (double& v : centered)
    rest += (v -= mean) / n;
  for (double& v : centered)
    largest = (std::max)(largest, std::fabs(v -= rest));
  for (double& v : centered)
    v /= largest;
  return centered;
}

/// Sorts `values` by merging and says how many pairs stood in decreasing order.  `spare` is working memory.
inline std::uint64_t count_inversions(std::span<double> values, std::span<double> spare) {
  std::uint64_t inversions = 0;
  const std::size_t n = values.size();
  for (std::size_t width = 1; width < n; width *= 2) {
    for (std::size_t first = 0; first < n; first += 2 * width) {
      const std::size_t middle = (std::min)(first + width, n);
      const std::size_t last = (std::min)(first + 2 * width, n);
      std::size_t left = first;
      std::size_t right = middle;
      for (std::size_t out = first; out < last; ++out) {
        if (right == last || (left < middle && values[left] <= values[right])) {
          spare[out] = values[left++];
        } else {
          inversions += middle - left;  // it passes everything still waiting on the left
          spare[out] = values[right++];
        }
      }
    }
    std::copy(spare.begin(), spare.end(), values.begin());
  }
  return inversions;
}

}  // namespace detail

/// Pearson's correlation over pairs, in [-1, 1].  NaN for a constant sequence, for fewer than two pairs, and where a
/// value is NaN or infinite.  Two passes about the mean, each sum in index order.  Throws where the two differ in
/// length.
inline double pearson(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(), "pearson needs pairs: both sequences of one length");
  constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::all_of(a.begin(), a.end(), finite) || !std::all_of(b.begin(), b.end(), finite)) return undefined;
  const std::vector<double> x = detail::centered_for_correlation(a);
  const std::vector<double> y = detail::centered_for_correlation(b);
  if (x.empty() || y.empty()) return undefined;
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
  }
  return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);  // a with itself: exactly 1
}

/// Spearman's rank correlation: Pearson's over mid-ranks, so ties share the mean of their places.  NaN for a constant
/// sequence and for fewer than two pairs; throws where a value is NaN.
inline double spearman(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(), "spearman needs pairs: both sequences of one length");
  return pearson(mid_ranks(a), mid_ranks(b));
}

/// Kendall's tau_b: concordant less discordant pairs, over the geometric mean of the pairs untied in a and in b.  NaN
/// for a constant sequence and for fewer than two pairs; throws where a value is NaN.
///
/// In n log n steps (Knight 1966): sorted by a, and by b where a ties, the discordant pairs are the inversions left in
/// b.  Of all pairs, those tied in a or in b are neither, and pairs tied in both were counted twice:
///
///   concordant - discordant = all - tied_a - tied_b + tied_both - 2 discordant
inline double kendall_tau_b(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(), "kendall_tau_b needs pairs: both sequences of one length");
  const std::uint64_t tied_a = count_ties(a).pairs;
  const std::uint64_t tied_b = count_ties(b).pairs;
  const std::size_t n = a.size();
  std::vector<std::pair<double, double>> pairs(n);
  for (std::size_t i = 0; i < n; ++i)
    pairs[i] = {a[i], b[i]};
  std::sort(pairs.begin(), pairs.end());

  std::uint64_t tied_both = 0;
  std::uint64_t run = 0;  // equal pairs seen before this one
  std::vector<double> in_order(n);
  std::vector<double> spare(n);
  for (std::size_t i = 0; i < n; ++i) {
    run = i > 0 && pairs[i] == pairs[i - 1] ? run + 1 : 0;
    tied_both += run;
    in_order[i] = pairs[i].second;
  }
  const std::uint64_t discordant = detail::count_inversions(in_order, spare);
  const std::uint64_t all = n < 2 ? 0 : static_cast<std::uint64_t>(n) * (n - 1) / 2;
  if (all == tied_a || all == tied_b) return std::numeric_limits<double>::quiet_NaN();
  const double excess = static_cast<double>(all - tied_a - tied_b + tied_both) - 2.0 * static_cast<double>(discordant);
  const double untied = std::sqrt(static_cast<double>(all - tied_a) * static_cast<double>(all - tied_b));
  return std::clamp(excess / untied, -1.0, 1.0);
}

/// The pairs in which neither value is NaN, in their order: what the rank statistics accept.
struct complete_pairs {
  std::vector<double> a;
  std::vector<double> b;
};

/// Leaves out every other pair.  Throws where the two differ in length.
inline complete_pairs keep_complete_pairs(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(), "keep_complete_pairs needs pairs: both sequences of one length");
  complete_pairs kept;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    kept.a.push_back(a[i]);
    kept.b.push_back(b[i]);
  }
  return kept;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_INTRACLASS_HPP
#define QFA_MEANING_INTRACLASS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/predict/folds.hpp"

namespace qfa {

/// How alike the members of a family are, of all that varies: the intraclass correlation of the one-way layout,
///
///   ICC = (MSB - MSW) / (MSB + (m0 - 1) MSW),   m0 = (N - sum n_i^2 / N) / (families - 1)
///
/// (Shrout and Fleiss 1979, with the mean size m0 for families of different sizes).  Families of one count between,
/// not within.  Negative where members differ more than strangers.  NaN with fewer than two families, without a family
/// of two, and where nothing varies.  Throws where the two differ in length.
inline double intraclass_correlation(std::span<const double> values, std::span<const std::uint32_t> family_of) {
  require(values.size() == family_of.size(), "an intraclass correlation needs a family for each value");
  struct family {
    double count = 0.0, sum = 0.0;
  };
  std::vector<family> families;  // by their numbers, which may leave some out
  if (!family_of.empty()) families.resize(std::size_t{(std::ranges::max)(family_of)} + 1);
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    family& f = families[family_of[i]];
    f.count += 1.0;
    f.sum += values[i];
    sum += values[i];
  }
  const auto filled = std::ranges::count_if(families, [](const family& f) { return f.count > 0.0; });
  const double n = static_cast<double>(values.size()), k = static_cast<double>(filled);
  if (k < 2.0 || n == k) return std::numeric_limits<double>::quiet_NaN();
  double between = 0.0, within = 0.0, squares = 0.0;
  for (const family& f : families) {
    if (f.count == 0.0) continue;
    const double gap = f.sum / f.count - sum / n;
    between += rounded_product(f.count, rounded_product(gap, gap));
    squares += f.count * f.count;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const family& f = families[family_of[i]];
    const double gap = values[i] - f.sum / f.count;
    within += rounded_product(gap, gap);
  }
  const double msb = between / (k - 1.0), msw = within / (n - k), m0 = (n - squares / n) / (k - 1.0);
  const double all = msb + rounded_product(m0 - 1.0, msw);
  return all != 0.0 ? (msb - msw) / all : std::numeric_limits<double>::quiet_NaN();
}

/// The share of random assignments of the values to the families whose ICC is as large: (1 + as large) / (1 +
/// permutations), as large within 1e-9: the order of sums is no difference.  Sorted by random numbers of `seed`, the
/// same on every machine.  NaN where there is no ICC.
inline double intraclass_p(std::span<const double> values, std::span<const std::uint32_t> family_of,
                           std::size_t permutations, std::uint64_t seed) {
  const double observed = intraclass_correlation(values, family_of);
  if (!(observed == observed)) return observed;
  std::size_t as_large = 0;
  std::vector<std::pair<std::uint64_t, std::size_t>> deck(values.size());
  std::vector<double> permuted(values.size());
  for (std::size_t p = 0; p < permutations; ++p) {
    for (std::size_t i = 0; i < values.size(); ++i)
      deck[i] = {detail::scatter(detail::scatter(seed, p), i), i};
    std::ranges::sort(deck);
    for (std::size_t i = 0; i < values.size(); ++i)
      permuted[i] = values[deck[i].second];
    as_large += intraclass_correlation(permuted, family_of) >= observed - 1e-9;
  }
  return static_cast<double>(1 + as_large) / static_cast<double>(1 + permutations);
}

}  // namespace qfa

#endif

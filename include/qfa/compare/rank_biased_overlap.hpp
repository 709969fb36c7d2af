// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPARE_RANK_BIASED_OVERLAP_HPP
#define QFA_COMPARE_RANK_BIASED_OVERLAP_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <unordered_map>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// Where each member of `longer` enters the overlap with `shorter`: entered[d] members of both lists have their later
/// place at depth d + 1.  Throws where a list names a member twice.
inline std::vector<std::size_t> overlap_entries(std::span<const std::size_t> shorter,
                                                std::span<const std::size_t> longer) {
  std::unordered_map<std::size_t, std::size_t> place;
  for (std::size_t i = 0; i < shorter.size(); ++i)
    require(place.emplace(shorter[i], i).second, "a ranking names each member once");
  std::vector<std::size_t> entered(longer.size(), 0);
  std::unordered_map<std::size_t, std::size_t> seen;
  for (std::size_t i = 0; i < longer.size(); ++i) {
    require(seen.emplace(longer[i], i).second, "a ranking names each member once");
    const auto found = place.find(longer[i]);
    if (found != place.end()) ++entered[(std::max)(i, found->second)];
  }
  return entered;
}

/// Rank-biased overlap of two rankings, best first, in its extrapolated form (Webber, Moffat and Zobel 2010, equation
/// 32): the overlap at each depth, weighted by p^depth, the last agreement taken to go on forever.  With X_d members
/// common to the first d of both lists, of lengths s <= l,
///
///   (1 - p)/p [ sum_{d <= l} X_d/d p^d + sum_{s < d <= l} X_s (d - s)/(s d) p^d ] + [ (X_l - X_s)/l + X_s/s ] p^l
///
/// 1 for equal lists and 0 for disjoint ones; p = 0.9 gives the first 10 ranks 86 % of the weight.  Who ties in rank is
/// for the caller to order, by identity, so that the number does not depend on a sort.  NaN where a list is empty.
/// Throws unless 0 < p < 1, and where a list names a member twice.
inline double rank_biased_overlap(std::span<const std::size_t> a, std::span<const std::size_t> b, double p = 0.9) {
  require(p > 0.0 && p < 1.0, "rank_biased_overlap needs a persistence between 0 and 1");
  const std::span<const std::size_t> shorter = a.size() <= b.size() ? a : b;
  const std::span<const std::size_t> longer = a.size() <= b.size() ? b : a;
  const std::vector<std::size_t> entered = overlap_entries(shorter, longer);
  if (shorter.empty()) return std::numeric_limits<double>::quiet_NaN();

  const double s = static_cast<double>(shorter.size()), l = static_cast<double>(longer.size());
  double overlap = 0.0;   // X_d
  double at_short = 0.0;  // X_s
  double weight = 1.0;    // p^d
  double sum = 0.0;
  for (std::size_t i = 0; i < longer.size(); ++i) {
    const double depth = static_cast<double>(i) + 1.0;
    overlap += static_cast<double>(entered[i]);
    weight *= p;
    if (i + 1 == shorter.size()) at_short = overlap;
    sum += overlap / depth * weight;
    if (i + 1 > shorter.size()) sum += at_short * (depth - s) / (s * depth) * weight;
  }
  return (1.0 - p) / p * sum + ((overlap - at_short) / l + at_short / s) * weight;
}

/// The share of the weight that the first `depth` >= 1 ranks carry (same paper, equation 21):
///
///   1 - p^(d-1) + (1 - p)/p d [ ln(1/(1 - p)) - sum_{i < d} p^i/i ]
///
/// Throws where p is not in (0, 1), and for depth 0.
inline double rank_biased_weight(double p, std::size_t depth) {
  require(p > 0.0 && p < 1.0 && depth > 0, "rank_biased_weight needs a persistence between 0 and 1, and a rank");
  double tail = -std::log1p(-p);
  double power = 1.0;
  for (std::size_t i = 1; i < depth; ++i) {
    power *= p;
    tail -= power / static_cast<double>(i);
  }
  return 1.0 - power + (1.0 - p) / p * static_cast<double>(depth) * tail;
}

}  // namespace qfa

#endif

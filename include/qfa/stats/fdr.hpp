// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_FDR_HPP
#define QFA_STATS_FDR_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// What the tests of one family may depend on each other.  `independent` is Benjamini and Hochberg (1995), valid under
/// positive dependence, too; `any` divides q by 1 + 1/2 + ... + 1/m, after Benjamini and Yekutieli (2001).
enum class test_dependence : std::uint8_t { independent, any };

/// Which of the p-values are discoveries when the expected share of false ones may be `q`: the k smallest, for the
/// largest k with p_(k) <= q k / m.  NaN is no test: it neither counts in m nor is ever a discovery.  Throws where q is
/// not in (0, 1).
inline std::vector<std::uint8_t> discoveries(std::span<const double> p, double q,
                                             test_dependence dependence = test_dependence::independent) {
  require(q > 0.0 && q < 1.0, "discoveries needs a false discovery rate between 0 and 1");
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });

  const double m = static_cast<double>(order.size());
  double allowed = q;
  if (dependence == test_dependence::any) {
    double harmonic = 0.0;
    for (std::size_t k = order.size(); k > 0; --k)
      harmonic += 1.0 / static_cast<double>(k);
    if (harmonic > 0.0) allowed = q / harmonic;
  }
  std::size_t found = 0;
  for (std::size_t k = 1; k <= order.size(); ++k)
    if (p[order[k - 1]] <= allowed * static_cast<double>(k) / m) found = k;

  std::vector<std::uint8_t> discovered(p.size(), 0);
  for (std::size_t k = 0; k < found; ++k)
    discovered[order[k]] = 1;
  return discovered;
}

}  // namespace qfa

#endif

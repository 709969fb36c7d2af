// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SHIFT_CARRIERS_HPP
#define QFA_AUDIT_SHIFT_CARRIERS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "qfa/audit/shift_record.hpp"
#include "qfa/sae/reconstruction_sums.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// The fewest features that carry half of what the SAE explains, chosen on the even groups of rows and held against the
/// odd ones: what was chosen for being large looks larger than it is where it was chosen.
struct shift_carriers {
  std::size_t groups = 0;                                          ///< of rows, even and odd ones
  std::vector<std::uint32_t> features{};                           ///< the largest share first
  double chosen_share = std::numeric_limits<double>::quiet_NaN();  ///< of what is explained, where they were chosen
  estimate share;                                                  ///< on the other groups
};

/// Of a whole pass.  No features where nothing is explained on the even groups.
inline shift_carriers find_shift_carriers(const shift_record& record) {
  shift_carriers out;
  const std::size_t groups = out.groups = record.groups(), width = record.width();
  std::vector<double> chosen_on(width, 0.0);
  double explained = 0.0;
  for (std::size_t g = 0; g < groups; g += 2) {
    explained += record.sums()[g].total().explained;
    for (std::size_t f = 0; f < width; ++f)
      chosen_on[f] += record.feature(f, g).along;
  }
  if (!(explained > 0.0)) return out;
  std::vector<std::uint32_t> order(width);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) { return chosen_on[a] > chosen_on[b]; });
  double carried = 0.0;
  for (std::size_t i = 0; i < width && carried < 0.5 * explained && chosen_on[order[i]] > 0.0; ++i) {
    carried += chosen_on[order[i]];
    out.features.push_back(order[i]);
  }
  out.chosen_share = carried / explained;
  std::vector<double> theirs, all;
  for (std::size_t g = 1; g < groups; g += 2) {
    all.push_back(record.sums()[g].total().explained);
    theirs.push_back(0.0);
    for (const std::uint32_t f : out.features)
      theirs.back() += record.feature(f, g).along;
  }
  const auto share_without = [&](std::size_t left_out) {
    double carry = 0.0, sum = 0.0;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i != left_out) carry += theirs[i], sum += all[i];
    return detail::quotient(carry, sum);
  };
  out.share = jackknife(share_without(all.size()), all.size(), share_without);
  return out;
}

}  // namespace qfa

#endif

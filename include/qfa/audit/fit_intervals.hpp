// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_FIT_INTERVALS_HPP
#define QFA_AUDIT_FIT_INTERVALS_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/core/parallel.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/jackknife.hpp"

// Numbers of one condition that are ratios of sums over tokens, with and without each group of rows.

namespace qfa {

namespace detail {

/// above / below, summed over groups, with its jackknife interval.
inline estimate estimate_ratio(const std::vector<double>& above, const std::vector<double>& below,
                               interval_scale scale) {
  const auto without = [&](std::size_t left_out) {
    double a = 0.0, b = 0.0;
    for (std::size_t g = 0; g < above.size(); ++g)
      if (g != left_out) a += above[g], b += below[g];
    return ratio(a, b);
  };
  return jackknife(without(above.size()), above.size(), without, {.scale = scale});
}

}  // namespace detail

/// L0 of the compressed model, features that fire on a token on average, with its interval on log; the reference's,
/// where a table holds it against itself.
inline estimate estimate_l0(const feature_table& table) {
  std::vector<double> firings(table.groups()), tokens(table.groups());
  parallel_for(table.groups(), [&](std::size_t g) {
    std::uint64_t sum = 0;
    for (std::size_t f = 0; f < table.width(); ++f)
      sum += table.cell(f, g).compressed_firings();
    firings[g] = static_cast<double>(sum);
    tokens[g] = static_cast<double>(table.tokens(g));
  });
  return detail::estimate_ratio(firings, tokens, interval_scale::log);
}

/// The share of the error's energy that flips of the gate carry, E_flip / (E_flip + E_on), summed over `features`, with
/// its interval on logit (stats/feature_statistics.hpp has that of one).  NaN where nothing changed.
inline estimate estimate_flip_share(const feature_table& table, std::span<const std::uint32_t> features) {
  std::vector<double> flips(table.groups()), all(table.groups());
  parallel_for(table.groups(), [&](std::size_t g) {
    for (const std::uint32_t f : features) {
      const feature_cell& cell = table.cell(f, g);
      flips[g] += cell.flip_energy;
      all[g] += cell.flip_energy + cell.on_energy;
    }
  });
  return detail::estimate_ratio(flips, all, interval_scale::logit);
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STATS_BETWEEN_RUNS_HPP
#define QFA_STATS_BETWEEN_RUNS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"

// What a run between two others would show, were it as dear as a third: pruning at the very loss of another
// compression, between two sparsities that were run.  With a cost L of each, the place of the third is
//
//   w = (L_third - L_first) / (L_second - L_first)          0 at the first, 1 at the second
//
// and any number is first + w (second - first).  Without a group of rows all of it is taken without that group, w as
// well: the interval knows that the costs are measured on the same rows.

namespace qfa {

/// A number of a whole stream, and without each of its groups.
struct group_deletions {
  double whole = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> without{};  ///< (groups)

  bool operator==(const group_deletions&) const = default;
};

constexpr double between(double first, double second, double place) noexcept {
  return first + place * (second - first);
}

/// The same of a correlation: beyond the two by the same line, at most to the bound.
constexpr double correlation_between(double first, double second, double place) noexcept {
  return std::clamp(between(first, second, place), -1.0, 1.0);
}

/// Where `target` lies between two runs, by the cost of each.  Throws where they are not of the same groups.
inline group_deletions place_between(const group_deletions& target, const group_deletions& first,
                                     const group_deletions& second) {
  require(target.without.size() == first.without.size() && target.without.size() == second.without.size(),
          "a run's place between two others is taken on the same groups of rows");
  const auto place = [](double at, double from, double to) { return (at - from) / (to - from); };
  group_deletions out{.whole = place(target.whole, first.whole, second.whole)};
  for (std::size_t g = 0; g < target.without.size(); ++g)
    out.without.push_back(place(target.without[g], first.without[g], second.without[g]));
  return out;
}

/// r of every feature at a place between two runs, and without each group at the place that there is without it; beyond
/// them by the same line, at most to the bound.  NaN where it is NaN of either.  What the features' evidence is, the
/// reference alone says: `first`'s.  Throws where the runs are not of the same groups and dictionary.
inline leave_one_out interpolate(const leave_one_out& first, const leave_one_out& second, const group_deletions& place,
                                 double level = 0.95) {
  require(
      first.groups == second.groups && first.features() == second.features() && first.groups == place.without.size(),
      "runs to interpolate between are of the same rows and the same dictionary");
  leave_one_out out;
  out.groups = first.groups;
  out.evidence = first.evidence;
  const std::size_t width = first.features();
  out.r.resize(width);
  out.shift.resize(out.groups * width);
  out.ranges.resize(width);
  parallel_for(width, [&](std::size_t f) {
    out.r[f] = correlation_between(first.r[f], second.r[f], place.whole);
    std::vector<double> rest(out.groups);
    for (std::size_t g = 0; g < out.groups; ++g) {
      rest[g] = correlation_between(first.without(g, f), second.without(g, f), place.without[g]);
      out.shift[g * width + f] = static_cast<float>(rest[g] - out.r[f]);
    }
    if (!out.evidence.empty())
      out.ranges[f] = jackknife(out.r[f], rest, correlation_interval(out.evidence[f], level)).range;
  });
  return out;
}

}  // namespace qfa

#endif

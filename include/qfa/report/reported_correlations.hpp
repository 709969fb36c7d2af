// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_REPORTED_CORRELATIONS_HPP
#define QFA_REPORT_REPORTED_CORRELATIONS_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/report/feature_columns.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/stats/leave_one_out.hpp"

namespace qfa {

/// r of every feature under a condition, and without each group of rows, as features.csv and groups.npy hold them:
/// `shifts` are the condition's, (groups, features), and may be empty.  Of a feature's interval there is its error on
/// atanh, where the audit has one with two sides, over which steps of the feature are smoothed
/// (stats/smoothed_count.hpp); its ends are not the audit's, and evidence is not in the files.  Throws, naming `where`,
/// the table, if it has no r or no r_interval.
inline leave_one_out reported_correlations(const condition_features& table, std::span<const float> shifts,
                                           const std::string& where) {
  const feature_column *const r = table.find("r"), *const kind = table.find("r_interval");
  if (r == nullptr || kind == nullptr)
    fail(where + " has no column r or none r_interval, expected a table of this version of qfa");
  const std::size_t width = r->cells.size();
  require(width > 0 ? shifts.size() % width == 0 : shifts.empty(), "every feature has a shift for each group of rows");
  leave_one_out out;
  out.groups = width > 0 ? shifts.size() / width : 0;
  out.r = r->cells;
  out.shift.assign(shifts.begin(), shifts.end());
  out.ranges.resize(width);
  parallel_for(width, [&](std::size_t f) {
    const double word = kind->cells[f];
    if (std::isnan(word) || kind->words[static_cast<std::size_t>(word)] != interval_kind_names[0]) return;
    std::vector<double> without;
    for (std::size_t g = 0; g < out.groups; ++g)
      without.push_back(out.without(g, f));
    out.ranges[f] = jackknife(out.r[f], without, {.scale = interval_scale::atanh}).range;
  });
  return out;
}

}  // namespace qfa

#endif

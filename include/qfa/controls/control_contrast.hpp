// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_CONTROL_CONTRAST_HPP
#define QFA_CONTROLS_CONTROL_CONTRAST_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/compare/top_overlap.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/controls/survival_transfer.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/aggregates.hpp"

namespace qfa {

/// How much more survives a compression than a control of it: what it says is the control's matter
/// (controls/weight_controls.hpp).  Means over the control's seeds, the same groups left out of both.
struct control_contrast {
  std::string control;     ///< what kind it is
  std::size_t seeds = 0;   ///< runs of it
  estimate survived;       ///< share that survives the control, interval on logit
  estimate more_survived;  ///< the compression's share less that; interval on no scale
  estimate mean_r;         ///< of the control, on atanh
  estimate more_mean_r;    ///< likewise less
};

/// At least one run of the control, on the same features and groups.  Throws without one.
inline control_contrast contrast(std::string control, const damage_sample& compression,
                                 std::span<const damage_sample> runs, double limit = 0.9) {
  require(!runs.empty(), "a compression is held against one run of a control or more");
  const std::size_t groups = compression.groups;
  struct numbers {
    double survived = 0.0, more_survived = 0.0, mean = 0.0, more_mean = 0.0;
  };
  std::vector<numbers> by(groups + 1);
  parallel_for(groups + 1, [&](std::size_t g) {
    const double share = 1.0 / static_cast<double>(runs.size());
    for (const damage_sample& run : runs) {
      const std::vector<double> r = run.without(g);
      by[g].survived += share * surviving_share(r, limit);
      by[g].mean += share * mean_correlation(r);
    }
    const std::vector<double> r = compression.without(g);
    by[g].more_survived = surviving_share(r, limit) - by[g].survived;
    by[g].more_mean = mean_correlation(r) - by[g].mean;
  });
  const auto estimated = [&](double numbers::*which, interval_scale scale) {
    return jackknife(by[groups].*which, groups, [&](std::size_t g) { return by[g].*which; }, {.scale = scale});
  };
  control_contrast out;
  out.control = std::move(control);
  out.seeds = runs.size();
  out.survived = estimated(&numbers::survived, interval_scale::logit);
  out.more_survived = estimated(&numbers::more_survived, interval_scale::identity);
  out.mean_r = estimated(&numbers::mean, interval_scale::atanh);
  out.more_mean_r = estimated(&numbers::more_mean, interval_scale::identity);
  return out;
}

/// What becomes of features that were chosen by what they showed on some rows, on other rows (C12): chosen on the even
/// groups and looked at on the odd ones, then the other way round, and averaged.
struct selection_check {
  estimate survivors_again;  ///< of those that survive where they are chosen, the share that does elsewhere; on logit
  double chosen_worst = std::numeric_limits<double>::quiet_NaN();  ///< mean r of the worst 5 % where they are chosen
  estimate worst_again;                                            ///< and elsewhere; on atanh
};

inline selection_check check_selection(const damage_sample& s, double limit = 0.9) {
  selection_check out;
  const auto again = [&](std::size_t g) {
    return both_ways([&](bool odd) {
      const std::vector<double> chosen = s.half_without(odd, g), elsewhere = s.half_without(!odd, g);
      double count = 0.0, kept = 0.0;
      for (std::size_t f = 0; f < chosen.size(); ++f) {
        if (!(chosen[f] > limit)) continue;
        ++count;
        kept += elsewhere[f] > limit;
      }
      return ratio(kept, count);
    });
  };
  out.survivors_again = jackknife(again(s.groups), s.groups, again, {.scale = interval_scale::logit});
  if (s.r.empty()) return out;
  const auto mean_of_worst = [&](bool odd, bool elsewhere, std::size_t g) {
    const std::size_t count = members_in_share(0.05, s.r.size());
    const std::vector<std::uint8_t> in = least_correlated(s.half_without(odd, g), count);
    const std::vector<double> r = s.half_without(odd != elsewhere, g);
    double sum = 0.0;
    for (std::size_t f = 0; f < r.size(); ++f)
      if (in[f] != 0) sum += r[f];
    return sum / static_cast<double>(count);
  };
  const auto mean = [&](bool elsewhere, std::size_t g) {
    return both_ways([&](bool odd) { return mean_of_worst(odd, elsewhere, g); });
  };
  const auto worst = [&](std::size_t g) { return mean(true, g); };
  out.chosen_worst = mean(false, s.groups);
  out.worst_again = jackknife(worst(s.groups), s.groups, worst, {.scale = interval_scale::atanh});
  return out;
}

}  // namespace qfa

#endif

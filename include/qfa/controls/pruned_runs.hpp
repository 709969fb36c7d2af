// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_PRUNED_RUNS_HPP
#define QFA_CONTROLS_PRUNED_RUNS_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/equal_loss.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/damage_sample.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/match_pruning.hpp"
#include "qfa/stats/between_runs.hpp"

namespace qfa {

/// A pass as its damage, and what it costs on the same rows; `excess` is empty where no losses were asked for.
struct costed_sample {
  damage_sample damage;
  group_deletions excess{};
};

/// What a run at a place between two others would leave of the features (stats/between_runs.hpp); what no comparison
/// with a control reads, what halves are without each group, stays empty.  Throws where the two are not of the same
/// features and groups.
inline damage_sample interpolate(const damage_sample& first, const damage_sample& second,
                                 const group_deletions& place) {
  require(
      first.groups == second.groups && first.features() == second.features() && first.groups == place.without.size(),
      "samples to interpolate between are of the same features and groups");
  damage_sample out;
  out.name = first.name;
  out.groups = first.groups;
  out.in_odd = first.in_odd;
  const auto along = [&](std::vector<double> damage_sample::*of) {
    for (std::size_t f = 0; f < first.features(); ++f)
      (out.*of).push_back(correlation_between((first.*of)[f], (second.*of)[f], place.whole));
  };
  along(&damage_sample::r);
  along(&damage_sample::even);
  along(&damage_sample::odd);
  out.shift.reserve(first.shift.size());
  for (std::size_t g = 0; g < out.groups; ++g) {
    const std::vector<double> a = first.without(g), b = second.without(g);
    for (std::size_t f = 0; f < out.features(); ++f)
      out.shift.push_back(static_cast<float>(correlation_between(a[f], b[f], place.without[g]) - out.r[f]));
  }
  out.flip_share = between(first.flip_share, second.flip_share, place.whole);
  out.changed = (std::max)(first.changed, second.changed);
  return out;
}

/// Searches the sparsity at which random pruning loses `target` nats, where the reference loses `unpruned`, and one
/// from the other side of it (model/match_pruning.hpp).  It is to come as near as `most` nats, and as a tenth of what
/// the policy costs: a policy of 8 bits costs less than a bar that suits one of 4 (our own share). `loss(sparsity)` is
/// the mean loss of the pruned model on the same rows.
template <std::invocable<double> Loss>
matched_pruning search_equal_loss(double target, double unpruned, double most, Loss&& loss) {
  const double excess = std::fabs(target - unpruned);
  matched_pruning out;
  // The search needs a bar above 0, and a policy that costs nothing is met by none.
  out.tolerance = (std::max)((std::min)(most, 0.1 * excess), (std::numeric_limits<double>::min)());
  const sparsity_match found =
      match_pruning(loss_bisection{.tolerance = out.tolerance, .max_steps = 10}, target, std::forward<Loss>(loss));
  out.sparsity = found.best.sparsity;
  out.gap = found.best.value - target;
  out.within_tolerance = found.within_tolerance;
  if (const auto other = across(found, target, (std::max)(target - unpruned, 0.0))) out.across = other->sparsity;
  return out;
}

/// Random pruning by one seed: at the sparsity whose loss is nearest to a policy's on the rows for matching, and at one
/// from the other side of it, if the search visited any.
struct pruned_runs {
  matched_pruning match;
  costed_sample nearest;  ///< both are left empty where `match.across` is none
  costed_sample across;
};

/// Random pruning at the very loss that the policy has on the reported rows: r of each feature, carried along the line
/// through the two runs, without each group once more.  Says in `match` where on it, or why there is none: pruning of
/// another loss is no control.
inline std::optional<damage_sample> at_equal_loss(pruned_runs& runs, const group_deletions& policy_excess) {
  matched_pruning& match = runs.match;
  if (!match.across) {
    match.reason = "all sparsities that were tried cost more than the policy, or all less";
    return std::nullopt;
  }
  const group_deletions place = place_between(policy_excess, runs.nearest.excess, runs.across.excess);
  match.place = place.whole;
  if (!place_is_known(place.whole)) {
    match.reason = unknown_place;
    return std::nullopt;
  }
  match.sparsity_at_equal_loss = between(match.sparsity, *match.across, place.whole);
  return interpolate(runs.nearest.damage, runs.across.damage, place);
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MODEL_MATCH_PRUNING_HPP
#define QFA_MODEL_MATCH_PRUNING_HPP

#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// A sparsity that was tried, and the perplexity or loss that it gave.
struct sparsity_trial {
  double sparsity = 0.0;
  double value = 0.0;

  bool operator==(const sparsity_trial&) const = default;
};

/// The outcome of a search for the sparsity that hurts as much as something else.
struct sparsity_match {
  sparsity_trial best{};                 ///< the visited sparsity nearest to the target
  std::vector<sparsity_trial> trials{};  ///< all that were visited, in order
  bool within_tolerance = true;          ///< whether `best` came as near as was asked for
};

/// The published search (arXiv:2606.03002, scripts): bisection between the bounds for a fixed number of steps; a
/// perplexity below the target moves the lower bound up, any other the upper bound down; the visited sparsity with the
/// least |perplexity - target| wins, the earliest of equals.
struct published_bisection {
  double low = 0.0;
  double high = 0.8;
  int steps = 6;
};

/// `perplexity(sparsity)` prunes, runs and measures.  Throws unless 0 <= low < high <= 1, for no steps, and for a
/// target that is not finite.
template <std::invocable<double> Perplexity>
sparsity_match match_pruning(const published_bisection& search, double target, Perplexity&& perplexity) {
  require(search.low < search.high && search.low >= 0.0 && search.high <= 1.0 && search.steps > 0,
          "matching needs bounds 0 <= low < high <= 1 and at least one step");
  require(std::isfinite(target), "matching needs a finite perplexity to match");
  double low = search.low;
  double high = search.high;
  sparsity_match out;
  for (int step = 0; step < search.steps; ++step) {
    const double middle = (low + high) / 2.0;
    const sparsity_trial trial{middle, static_cast<double>(perplexity(middle))};
    out.trials.push_back(trial);
    // A NaN is worse than any number, and lies above every target: too much was pruned.
    if (step == 0 || std::isnan(out.best.value) || std::fabs(trial.value - target) < std::fabs(out.best.value - target))
      out.best = trial;
    (trial.value < target ? low : high) = middle;
  }
  return out;
}

/// Bisection on the loss in nats until it is met within a tolerance, and a sparsity has been visited on either side of
/// it, between which damage may be interpolated.  Run it on tokens other than those that the matched model is then
/// judged on: a sparsity chosen on the same tokens fits their noise.
struct loss_bisection {
  double low = 0.0;
  double high = 0.95;
  double tolerance = 0.0005;  ///< nats per token
  int max_steps = 20;
};

/// `loss(sparsity)` is the mean next-token loss in nats.  A target that even `high` does not reach, and one that is
/// below the loss at `low`, end at that bound with `within_tolerance` false.  Throws unless 0 <= low < high <= 1, for
/// no steps, a tolerance not above 0, and a target that is not finite.
template <std::invocable<double> Loss>
sparsity_match match_pruning(const loss_bisection& search, double target, Loss&& loss) {
  require(search.low < search.high && search.low >= 0.0 && search.high <= 1.0 && search.max_steps > 0,
          "matching needs bounds 0 <= low < high <= 1 and at least one step");
  require(search.tolerance > 0.0, "matching needs a tolerance above 0 nats");
  require(std::isfinite(target), "matching needs a finite loss to match");
  double low = search.low;
  double high = search.high;
  sparsity_match out;
  out.within_tolerance = false;
  bool below = false, above = false;
  for (int step = 0; step < search.max_steps && !(out.within_tolerance && below && above); ++step) {
    const double middle = (low + high) / 2.0;
    const sparsity_trial trial{middle, static_cast<double>(loss(middle))};
    out.trials.push_back(trial);
    if (step == 0 || std::isnan(out.best.value) || std::fabs(trial.value - target) < std::fabs(out.best.value - target))
      out.best = trial;
    out.within_tolerance = std::fabs(out.best.value - target) <= search.tolerance;
    (trial.value < target ? below : above) = true;
    (trial.value < target ? low : high) = middle;
  }
  return out;
}

/// The least distance from the target that `across` looks for, as a share of what the target costs (ours): ten times
/// what rows of one text commonly differ by, and little enough for a straight line.
inline constexpr double distance_across = 0.1;

/// Of the visited sparsities on the other side of the target than the best one, the end of a line through the two by
/// which damage is carried to the target's own loss: the nearest by loss that is at least a tenth of `excess`, what the
/// target costs over no pruning, off from it; else the furthest.  Ends that lie closer would make the line's slope out
/// of noise.  None where all visited are on one side.
inline std::optional<sparsity_trial> across(const sparsity_match& match, double target, double excess) {
  const double least = distance_across * std::fabs(excess);
  const auto off = [&](const sparsity_trial& t) { return std::fabs(t.value - target); };
  std::optional<sparsity_trial> out;
  for (const sparsity_trial& trial : match.trials) {
    if (!std::isfinite(trial.value) || (trial.value < target) == (match.best.value < target)) continue;
    const bool nearer = !out || off(trial) < off(*out), reaches = off(trial) >= least;
    const bool had_reached = out && off(*out) >= least;
    if (!out || (reaches && (nearer || !had_reached)) || (!reaches && !had_reached && !nearer)) out = trial;
  }
  return out;
}

}  // namespace qfa

#endif

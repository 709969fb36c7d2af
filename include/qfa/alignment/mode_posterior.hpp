// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_MODE_POSTERIOR_HPP
#define QFA_ALIGNMENT_MODE_POSTERIOR_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "qfa/alignment/decision_tree.hpp"
#include "qfa/alignment/per_channel_reduction.hpp"
#include "qfa/core/error.hpp"
#include "qfa/stats/dirichlet.hpp"

namespace qfa {

/// How likely each failure mode is, PCR being known from so few prompts.
struct mode_posterior {
  std::array<double, failure_mode_names.size()> probability{};  ///< of each mode, adding up to 1
  std::optional<failure_mode> verdict;                          ///< none: undetermined

  double of(failure_mode m) const noexcept { return probability[static_cast<std::size_t>(m)]; }
};

struct posterior_options {
  std::uint64_t draws = 10'000;
  double needed = 0.9;  ///< a mode at least this likely is the verdict; above 1/2, so that there is one at most
};

/// Draws the chances behind the four counts from Dirichlet(counts + 1/2), decides on the PCR of each draw, and counts
/// the modes.  The layers' flips are taken as they were seen: the prompts that chose the critical layer must not be
/// those that are counted here.  Throws for no draws, for `needed` not in (1/2, 1], and without layers.
inline mode_posterior posterior_of_modes(const reduction_counts& counts, std::span<const double> layer_flips,
                                         std::uint64_t seed, const decision_tree& tree = {},
                                         const posterior_options& options = {}) {
  require(options.draws > 0, "a posterior needs at least one draw");
  require(options.needed > 0.5 && options.needed <= 1.0, "a verdict needs a probability above one half");
  require(!layer_flips.empty(), "a failure mode needs the flip rate of each layer quantized alone");
  const auto prior = [](std::uint64_t n) { return static_cast<double>(n) + 0.5; };
  const dirichlet_draws<4> draw(
      {prior(counts.both), prior(counts.coarse_only), prior(counts.fine_only), prior(counts.neither)}, seed);
  const std::size_t flipping = tree.flipping(layer_flips);

  std::array<std::uint64_t, failure_mode_names.size()> seen{};
  for (std::uint64_t i = 0; i < options.draws; ++i) {
    const auto [both, coarse_only, fine_only, neither] = draw(i);
    const double pcr = (coarse_only - fine_only) / (both + coarse_only);
    if (const auto mode = tree.decide(pcr, flipping, layer_flips.size())) ++seen[static_cast<std::size_t>(*mode)];
  }
  mode_posterior out;
  for (std::size_t m = 0; m < seen.size(); ++m) {
    out.probability[m] = static_cast<double>(seen[m]) / static_cast<double>(options.draws);
    if (out.probability[m] >= options.needed) out.verdict = static_cast<failure_mode>(m);
  }
  return out;
}

}  // namespace qfa

#endif

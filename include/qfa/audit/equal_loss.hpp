// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_EQUAL_LOSS_HPP
#define QFA_AUDIT_EQUAL_LOSS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/stats/between_runs.hpp"
#include "qfa/stats/jackknife.hpp"
#include "qfa/survival/aggregates.hpp"
#include "qfa/survival/counted_shares.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// One condition as what it does to the features, and what it costs on the same rows.
struct costed_run {
  std::string name;
  double sparsity = std::numeric_limits<double>::quiet_NaN();  ///< of what is pruned
  const survey* damage = nullptr;
  const group_deletions* excess = nullptr;  ///< loss over the reference's, nats
};

/// The damage of pruning at exactly the loss of another compression.
///
/// Two sparsities, one on either side of that loss, were found on rows of their own.  On the reported rows all three
/// cost other than there, so each feature's r is carried along the line through the two to where their loss meets the
/// compression's: without each group once more, its loss and the place on the line as well.
struct equal_loss_damage {
  std::string nearest;                                         ///< the pruned condition whose loss was matched
  std::string across;                                          ///< that from the other side of the target
  double place = std::numeric_limits<double>::quiet_NaN();     ///< 0: the nearest, 1: across; beyond by the same line
  double sparsity = std::numeric_limits<double>::quiet_NaN();  ///< at that place
  std::size_t counted = 0;                                     ///< features that all three count
  estimate survived;                                           ///< share of them with r > 0.9, on logit
  estimate more_survived;                                      ///< the compression's share less that; on no scale
  estimate mean_r;                                             ///< on atanh
  estimate more_mean_r;                                        ///< the compression's less that; on no scale
  std::string reason{};                                        ///< why there are no numbers; empty where there are

  /// Whether the loss on the reported rows lies beyond both sparsities'.
  bool extrapolated() const noexcept { return place < 0.0 || place > 1.0; }
};

/// The place on the line may lie beyond its ends by no more than its length.
constexpr bool place_is_known(double place) noexcept { return place >= -1.0 && place <= 2.0; }
inline constexpr const char* unknown_place =
    "on these rows the losses of the two sparsities are too close to each other, or too far from the policy's";

/// Throws where the three are not of the same rows and dictionary.
inline equal_loss_damage compare_at_equal_loss(const costed_run& policy, const costed_run& nearest,
                                               const costed_run& across) {
  equal_loss_damage out;
  out.nearest = nearest.name;
  out.across = across.name;
  const group_deletions place = place_between(*policy.excess, *nearest.excess, *across.excess);
  out.place = place.whole;
  out.sparsity = between(nearest.sparsity, across.sparsity, place.whole);
  std::vector<std::uint32_t> counted;
  for (const std::uint32_t f : counted_by_both(*policy.damage, *nearest.damage))
    if (std::ranges::binary_search(across.damage->counted, f)) counted.push_back(f);
  out.counted = counted.size();
  if (!place_is_known(place.whole)) {
    out.reason = unknown_place;
    return out;
  }
  const leave_one_out& itself = policy.damage->correlations;
  const leave_one_out pruned = interpolate(nearest.damage->correlations, across.damage->correlations, place);
  const jackknife_options plain{}, on_atanh{.scale = interval_scale::atanh}, on_logit{.scale = interval_scale::logit};
  const outcome_chance survives{outcome::survived, policy.damage->rules.bands};
  const countable r_of_pruned(pruned, counted), r_of_policy(itself, counted);
  out.survived = count_outcome(r_of_pruned, survives).concluded(on_logit);
  out.more_survived =
      count_over(r_of_policy, r_of_pruned, survives, [](std::span<const double> a, std::span<const double> b) {
        return mean_chance(a) - mean_chance(b);
      }).concluded(plain);
  out.mean_r = estimate_over(pruned, counted, mean_correlation, on_atanh);
  out.more_mean_r = estimate_over(
      itself, pruned, counted,
      [](std::span<const double> a, std::span<const double> b) { return mean_correlation(a) - mean_correlation(b); },
      plain);
  return out;
}

}  // namespace qfa

#endif

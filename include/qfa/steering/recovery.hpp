// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_RECOVERY_HPP
#define QFA_STEERING_RECOVERY_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/locate/unit_effect.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How many tokens features are restored on, and how often at random.
struct patching_options {
  std::size_t tokens = 8192;  ///< of the odd groups of rows, on which recovery is measured; a row of each at least
  std::size_t choosing_tokens = 65536;  ///< of the even groups, on which features are told apart
  std::vector<double> shares{0.01, 0.02, 0.05, 0.1, 0.2, 0.5};  ///< of the counted features, sizes of sets
  std::size_t seeds = 3;                                        ///< of each random set
};

/// Sums by group of rows of a model that was patched, against the reference.
using group_comparisons = std::vector<comparison_sum>;

/// What a patch gives back of the predictions: R = 1 - KL(reference || patched) / KL(reference || compressed), of mean
/// KL, without one group, or of all.  0 where nothing is gained, 1 where the patched model predicts as the reference
/// does, negative where it predicts worse; NaN where there is nothing to recover.  Throws where the two differ in
/// groups.
inline double recovered_share(std::span<const comparison_sum> compressed, std::span<const comparison_sum> patched,
                              std::size_t left_out) {
  require(compressed.size() == patched.size(), "a patch is measured on the same groups of rows");
  return 1.0 - ratio(sum_without(patched, left_out).mean_kl(), sum_without(compressed, left_out).mean_kl());
}

/// The mean R of patches of one kind: one, or as many as there were seeds.
inline double recovered_share(std::span<const comparison_sum> compressed, std::span<const group_comparisons> patched,
                              std::size_t left_out) {
  double sum = 0.0;
  for (const group_comparisons& one : patched)
    sum += recovered_share(compressed, std::span<const comparison_sum>(one), left_out);
  return ratio(sum, static_cast<double>(patched.size()));
}

/// Passes with one size of sets.  The random ones come once for each seed.
struct restored_passes {
  group_comparisons worst, all_but_worst;        ///< by r
  group_comparisons loudest, all_but_loudest;    ///< by energy
  std::vector<group_comparisons> random;         ///< as many features
  std::vector<group_comparisons> random_energy;  ///< as much energy as the worst
};

/// Sets of one size, and what restoring them recovers.
struct restored_point {
  std::string what;            ///< "5 %", or a band of outcomes
  std::size_t features = 0;    ///< in each set, but for random ones of equal energy
  double energy_share = 0.0;   ///< of the worst features' energy in that of all counted ones
  double random_features = 0;  ///< mean size of random sets of that energy
  estimate worst, all_but_worst, loudest, all_but_loudest, random, random_energy;
  estimate worst_over_random;         ///< what the worst recover beyond as many at random
  estimate worst_over_random_energy;  ///< and beyond as much energy at random
};

/// What restoring features recovers of one condition's predictions.
struct patched_condition {
  std::string policy;
  estimate kl;                         ///< mean KL(reference || compressed), nats; interval on log
  estimate activations;                ///< the reference's whole activations: all that is lost up to the hook
  estimate everything;                 ///< all features of the dictionary restored: what the SAE sees of the damage
  std::vector<restored_point> points;  ///< by size
  std::array<std::size_t, 3> bands{};  ///< counted features by outcome on the rows where they were chosen
  std::size_t ordered = 0;             ///< counted features with an r there
};

struct patching_findings {
  patching_options options;
  std::string hook;
  activation_kind gate = activation_kind::relu;
  std::size_t counted = 0;                       ///< features
  std::size_t rows = 0, tokens = 0, groups = 0;  ///< on which recovery is measured
  std::size_t choosing_tokens = 0;
  std::vector<patched_condition> conditions;
  std::vector<std::string> notes;
};

/// Fills in what the passes say of one size.
inline void conclude_point(restored_point& to, std::span<const comparison_sum> compressed, const restored_passes& p) {
  const std::size_t groups = compressed.size();
  const auto over_groups = [&](auto statistic) {
    return jackknife(statistic(groups), groups, statistic, {.scale = interval_scale::identity});
  };
  const auto one = [&](const group_comparisons& patched) {
    return over_groups([&](std::size_t g) { return recovered_share(compressed, patched, g); });
  };
  const auto many = [&](const std::vector<group_comparisons>& patched) {
    return over_groups(
        [&](std::size_t g) { return recovered_share(compressed, std::span<const group_comparisons>(patched), g); });
  };
  const auto beyond = [&](const std::vector<group_comparisons>& control) {
    return over_groups([&](std::size_t g) {
      return recovered_share(compressed, p.worst, g) -
             recovered_share(compressed, std::span<const group_comparisons>(control), g);
    });
  };
  to.worst = one(p.worst);
  to.all_but_worst = one(p.all_but_worst);
  to.loudest = one(p.loudest);
  to.all_but_loudest = one(p.all_but_loudest);
  to.random = many(p.random);
  to.random_energy = many(p.random_energy);
  to.worst_over_random = beyond(p.random);
  to.worst_over_random_energy = beyond(p.random_energy);
}

}  // namespace qfa

#endif

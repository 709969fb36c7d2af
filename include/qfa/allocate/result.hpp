// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_RESULT_HPP
#define QFA_ALLOCATE_RESULT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/allocate/allocation.hpp"
#include "qfa/allocate/damage_table.hpp"
#include "qfa/allocate/held_out.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// How far damage of units adds up where all are compressed: quartiles over features of nu(mix) / sum of each unit's
/// own nu.  An additive prediction may be relied on where all three lie within 0.67 and 1.5 (validity A5).
struct additivity {
  std::array<double, 3> quartiles{};  ///< infinite: nothing was predicted, and something came
  std::size_t features = 0;
  std::size_t undefined = 0;  ///< not among them: nothing on both sides, or as much as is counted on both

  bool licensed() const noexcept { return quartiles[0] >= 0.67 && quartiles[2] <= 1.5; }
};

inline additivity additivity_of(std::span<const double> measured, std::span<const double> predicted) {
  require(measured.size() == predicted.size(), "additivity compares noise of the same features");
  std::vector<double> ratios;
  additivity out;
  for (std::size_t j = 0; j < measured.size(); ++j) {
    const bool gone = measured[j] >= gone_noise && predicted[j] >= gone_noise;
    const bool nothing = measured[j] == 0.0 && predicted[j] == 0.0;
    if (gone || nothing || std::isnan(measured[j]))
      ++out.undefined;
    else if (predicted[j] == 0.0)
      ratios.push_back(std::numeric_limits<double>::infinity());
    else
      ratios.push_back((std::min)(measured[j], gone_noise) / (std::min)(predicted[j], gone_noise));
  }
  std::ranges::sort(ratios);
  out.features = ratios.size();
  for (std::size_t q = 0; q < 3; ++q)
    out.quartiles[q] =
        ratios.empty() ? std::numeric_limits<double>::quiet_NaN() : ratios[(q + 1) * (ratios.size() - 1) / 4];
  return out;
}

/// Mixed precision found, and what it comes to on rows that chose nothing.
struct allocation_result {
  std::string hook, weighting;
  std::uint64_t budget_bits = 0;
  std::size_t uniform = 0;  ///< the option that uniform precision takes
  damage_table table{};     ///< on the rows of even groups
  std::vector<double> damages{};
  std::size_t fit_tokens = 0, held_out_tokens = 0, held_out_groups = 0;
  std::size_t listed = 0, listed_measured = 0;  ///< of the features to keep, on the held-out rows
  /// As predicted: uniform; features (what the plan is of); features_alone, with KL left free; kl.  In that order.
  std::vector<allocation> predicted{};
  std::vector<held_out_mix> mixes{};          ///< the same, measured on the rows of odd groups
  std::vector<mix_comparison> comparisons{};  ///< features, features_alone and kl against uniform; features against kl
  additivity adds_up{};                       ///< of `features`, on the rows that it was fitted on
  weight_plan plan{};
};

inline constexpr std::array<std::string_view, 4> mix_names{"uniform", "features", "features alone", "KL"};

/// The plan that names each unit with its policy, and leaves all else as it is.
inline weight_plan plan_of(const damage_table& table, std::span<const any_policy> policies,
                           std::span<const std::size_t> chosen) {
  std::vector<weight_plan_part> parts;
  for (std::size_t u = 0; u < chosen.size(); ++u)
    parts.push_back({table.units[u], policies[chosen[u]]});
  return {.tensors = std::move(parts)};
}

}  // namespace qfa

#endif

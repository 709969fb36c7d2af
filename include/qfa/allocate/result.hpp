// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALLOCATE_RESULT_HPP
#define QFA_ALLOCATE_RESULT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/allocate/allocation.hpp"
#include "qfa/allocate/damage_table.hpp"
#include "qfa/allocate/held_out.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/locate/additivity.hpp"

namespace qfa {

/// Mixed precision found, and what it comes to on rows that chose nothing.
struct allocation_result {
  std::string hook, weighting;
  std::string gate{};                                               ///< the SAE's activation
  std::size_t sae_width = 0;                                        ///< features
  double reference_fvu = std::numeric_limits<double>::quiet_NaN();  ///< of the SAE, on the held-out rows
  std::vector<std::string> warnings{};
  std::uint64_t budget_bits = 0;
  std::size_t uniform = 0;  ///< the option that uniform precision takes
  damage_table table{};     ///< on the rows of even groups
  std::vector<double> damages{};
  std::size_t fit_tokens = 0, held_out_tokens = 0, held_out_groups = 0;
  /// Of the groups of the rows that it was fitted on, for `adds_up`, and of the held-out rows', for all else; where
  /// groups that are too short are joined.
  std::optional<group_halving> fit_halving{}, halving{};
  std::size_t listed = 0, listed_measured = 0;  ///< of the features to keep, on the held-out rows
  /// As predicted: uniform; features (what the plan is of); features_alone, with KL left free; kl.  In that order.
  std::vector<allocation> predicted{};
  std::vector<held_out_mix> mixes{};          ///< the same, measured on the rows of odd groups
  std::vector<mix_comparison> comparisons{};  ///< features, features_alone and kl against uniform; features against kl
  unit_additivity adds_up{};                  ///< of `features`, on the rows that it was fitted on
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

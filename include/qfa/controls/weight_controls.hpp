// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CONTROLS_WEIGHT_CONTROLS_HPP
#define QFA_CONTROLS_WEIGHT_CONTROLS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/matched_noise.hpp"
#include "qfa/compress/negated_error.hpp"
#include "qfa/compress/permuted_error.hpp"
#include "qfa/compress/weight_scope.hpp"

namespace qfa {

/// What a policy's error of the weights is compared with.
///   matched_noise       Gaussian noise of the same norm in each tensor: is the damage the quantizer's own
///   permuted_in_rows    its errors at other places of their rows: does it matter where an error falls in a channel
///   permuted_in_tensors and at any other place of the tensor: does it matter which channel
///   negated             its errors with their signs turned: damage as large is the error's variance, else its bias
enum class weight_control : std::uint8_t { matched_noise, permuted_in_rows, permuted_in_tensors, negated };
inline constexpr std::array<std::string_view, 4> weight_control_names{"matched noise", "permuted in rows",
                                                                      "permuted in tensors", "sign turned"};

constexpr std::string_view name(weight_control c) noexcept { return weight_control_names[static_cast<std::size_t>(c)]; }

/// A control as a policy, whose name is its spec string.
struct weight_control_run {
  weight_control kind = weight_control::matched_noise;
  any_policy policy{};
};

/// The controls of one policy: all kinds, those that are random with the seeds 1 to `seeds`.  None of a policy that
/// changes activations as well: controls of its weights alone would leave the other half out.
inline std::vector<weight_control_run> weight_controls_of(const any_policy& policy, std::size_t seeds) {
  std::vector<weight_control_run> out;
  if (policy.changes_activations()) return out;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    out.push_back({weight_control::matched_noise, matched_noise{.match = policy, .seed = seed}});
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    out.push_back(
        {weight_control::permuted_in_rows, permuted_error{.of = policy, .within = weight_scope::row, .seed = seed}});
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    out.push_back({weight_control::permuted_in_tensors,
                   permuted_error{.of = policy, .within = weight_scope::tensor, .seed = seed}});
  out.push_back({weight_control::negated, negated_error{.of = policy}});
  return out;
}

}  // namespace qfa

#endif

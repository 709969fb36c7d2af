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

/// What a policy is compared with; the first four, and random pruning, are policies themselves.
///   matched_noise       Gaussian noise of the same norm in each tensor: is the damage the quantizer's own
///   permuted_in_rows    its errors at other places of their rows: does it matter where an error falls in a channel
///   permuted_in_tensors and at any other place of the tensor: does it matter which channel
///   negated             its errors with their signs turned: damage as large is the error's variance, else its bias
///   isotropic_noise     noise at the hook with the energy of its error there: is it the SAE alone, whatever is before
///   covariant_noise     the same with the error's own covariance: do directions of activations say it all
///   random_pruning      weights zeroed at random until the loss rises as much
enum class control_kind : std::uint8_t {
  matched_noise,
  permuted_in_rows,
  permuted_in_tensors,
  negated,
  isotropic_noise,
  covariant_noise,
  random_pruning
};
inline constexpr std::array<std::string_view, 7> control_kind_names{
    "matched noise",     "permuted in rows",    "permuted in tensors",      "sign turned",
    "noise at the hook", "the same, covariant", "random pruning, same loss"};

constexpr std::string_view name(control_kind c) noexcept { return control_kind_names[static_cast<std::size_t>(c)]; }

/// A control as a policy, whose name is its spec string.
struct weight_control_run {
  control_kind kind = control_kind::matched_noise;
  any_policy policy{};
};

/// The controls of one policy: all kinds, those that are random with the seeds 1 to `seeds`.  None of a policy that
/// changes activations as well: controls of its weights alone would leave the other half out.
inline std::vector<weight_control_run> weight_controls_of(const any_policy& policy, std::size_t seeds) {
  std::vector<weight_control_run> out;
  if (policy.changes_activations()) return out;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    out.push_back({control_kind::matched_noise, matched_noise{.match = policy, .seed = seed}});
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    out.push_back(
        {control_kind::permuted_in_rows, permuted_error{.of = policy, .within = weight_scope::row, .seed = seed}});
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    out.push_back({control_kind::permuted_in_tensors,
                   permuted_error{.of = policy, .within = weight_scope::tensor, .seed = seed}});
  out.push_back({control_kind::negated, negated_error{.of = policy}});
  return out;
}

}  // namespace qfa

#endif

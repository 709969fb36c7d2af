// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_PRUNING_RULE_HPP
#define QFA_COMPRESS_PRUNING_RULE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/core/error.hpp"

namespace qfa {

/// How many of n weights a magnitude threshold is to cut, ties with the last always included.
///   paper   k = floor(sparsity n), so none where that is 0 (arXiv 2606.03002; llm-compressor's magnitude pruner too)
///   wanda   k + 1: the Wanda repository takes the threshold sorted[int(n sparsity)], counted from 0, and prunes what
///           does not exceed it, even at sparsity 0; where it fails, at sparsity 1, all go
enum class pruning_rule : std::uint8_t { paper, wanda };
inline constexpr std::array<std::string_view, 2> pruning_rule_names{"paper", "wanda"};
constexpr const auto& names_of(pruning_rule) noexcept { return pruning_rule_names; }

/// floor(share n), the product taken in double, as Python takes int(share * n): 0.29 of 100 are 28.
constexpr std::size_t count_of_share(double share, std::size_t n) noexcept {
  return static_cast<std::size_t>(share * static_cast<double>(n));
}

static_assert(count_of_share(0.29, 100) == 28);

/// The rank, counted from 1, of the smallest magnitude's threshold among n; 0 where none is to go.
constexpr std::size_t threshold_rank(pruning_rule rule, double sparsity, std::size_t n) noexcept {
  const std::size_t k = count_of_share(sparsity, n);
  return rule == pruning_rule::paper ? k : (std::min)(k + 1, n);
}

/// w <- +0 where |w| <= threshold; the other weights keep their bits.
inline void zero_at_most(std::span<float> weights, float threshold) noexcept {
  for (float& w : weights)
    w = (w < 0.0f ? -w : w) <= threshold ? 0.0f : w;
}

/// Throws unless `share` lies between 0 and 1: "prune's sparsity must lie ...".
inline void require_share(double share, std::string_view policy, std::string_view option) {
  if (!(share >= 0.0 && share <= 1.0))  // refuses NaN as well
    fail(std::string(policy) + "'s " + std::string(option) + " must lie between 0 and 1, not be " +
         value_to_text(share));
}

}  // namespace qfa

#endif

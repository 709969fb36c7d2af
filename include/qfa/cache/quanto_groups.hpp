// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_QUANTO_GROUPS_HPP
#define QFA_CACHE_QUANTO_GROUPS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/compress/float_blocks.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {

/// quanto's axes of a cache: which dimension of (1, heads, tokens, head_dim) keeps apart what shares a scale.
///
///   "0"    the first: groups are neighbors in the order heads, tokens, head_dim, so along a head's vector of a token
///   "-1"   the last: groups are neighbors in the order heads, tokens, of one place in head_dim, and may straddle heads
enum class quanto_axis : std::uint8_t { first, last };
inline constexpr std::array<std::string_view, 2> quanto_axis_names{"0", "-1"};
constexpr const auto& names_of(quanto_axis) noexcept { return quanto_axis_names; }

/// A group by quanto's MaxOptimizer: s = (max - min) / (2^bits - 1), shift = -min, a float and no integer zero point;
/// q = clamp(half_even((x + shift) / s), 0, 2^bits - 1); x <- q s - shift.  Where s is 0, quanto divides 0 by 0; here
/// q is 0, so that constant groups come back as they were.
inline void round_quanto_group(std::span<float> x, int bits) noexcept {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const auto top = static_cast<float>((1 << bits) - 1);
  const float shift = -*low, s = (*high - *low) / top;
  for (float& v : x) {
    const float q = s == 0.0f ? 0.0f : std::clamp(half_even((v + shift) / s), 0.0f, top);
    v = rounded_product(q, s) - shift;
  }
}

/// All groups of `x` (heads tokens, head_dim), rows head after head.  The last group of all, or of each column, may be
/// shorter; quanto itself refuses numbers that it cannot cut evenly.
inline void round_quanto_groups(matrix_view<float> x, int bits, quanto_axis axis, std::size_t group) {
  if (axis == quanto_axis::first)
    return for_each_flat_block(x, group,
                               [=](std::size_t, std::span<float> members) { round_quanto_group(members, bits); });
  parallel_for(block_count(x.rows(), group), [&](std::size_t g) {
    const std::size_t first = g * group, last = (std::min)(x.rows(), first + group);
    std::vector<float> members(last - first);
    for (std::size_t c = 0; c < x.columns(); ++c) {
      for (std::size_t r = first; r < last; ++r)
        members[r - first] = x(r, c);
      round_quanto_group(members, bits);
      for (std::size_t r = first; r < last; ++r)
        x(r, c) = members[r - first];
    }
  });
}

/// How many there are.
constexpr std::size_t quanto_group_count(std::size_t rows, std::size_t columns, quanto_axis axis,
                                         std::size_t group) noexcept {
  return axis == quanto_axis::first ? block_count(rows * columns, group) : block_count(rows, group) * columns;
}

}  // namespace qfa

#endif

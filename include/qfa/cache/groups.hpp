// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_GROUPS_HPP
#define QFA_CACHE_GROUPS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "qfa/cache/policy.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/core/blocks.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Which elements of a cache's rows share a scale.
///   tensor          all channels of all tokens that are quantized together
///   token           all channels of one token, its heads together
///   token_head      one head's channels of one token
///   channel         one channel of all tokens that are quantized together
///   channel_group   so many consecutive channels of one token; groups cross heads, and where channels do not divide
///                   the last one is filled up with zeros, which widen its range
///   token_group     one channel of so many consecutive tokens; where tokens do not divide the last one is shorter
enum class cache_granularity : std::uint8_t { tensor, token, token_head, channel, channel_group, token_group };
inline constexpr std::array<std::string_view, 6> cache_granularity_names{"tensor",  "token",         "token_head",
                                                                         "channel", "channel_group", "token_group"};
constexpr const auto& names_of(cache_granularity) noexcept { return cache_granularity_names; }

/// Groups as equal rectangles, `rows` tokens by `columns` channels, that tile a matrix from its first element on.
/// Numbered row by row.
struct cache_tiling {
  std::size_t rows = 1;
  std::size_t columns = 1;
  bool zero_filled = false;  ///< whether rectangles that reach beyond the last channel hold zeros there

  std::size_t across(std::size_t width) const noexcept { return block_count(width, columns); }
  std::size_t count(std::size_t tokens, std::size_t width) const noexcept {
    return tokens == 0 ? 0 : block_count(tokens, rows) * across(width);
  }
};

/// The groups of `tokens` tokens that are quantized together; `group` is the number of channels or tokens in one.
constexpr cache_tiling tiling_of(cache_granularity per, std::size_t group, std::size_t tokens,
                                 const cache_info& info) noexcept {
  const std::size_t all_tokens = (std::max)(tokens, std::size_t{1});
  switch (per) {
    case cache_granularity::tensor:
      return {.rows = all_tokens, .columns = info.width()};
    case cache_granularity::token:
      return {.rows = 1, .columns = info.width()};
    case cache_granularity::token_head:
      return {.rows = 1, .columns = info.head_dim};
    case cache_granularity::channel:
      return {.rows = all_tokens, .columns = 1};
    case cache_granularity::channel_group:
      return {.rows = 1, .columns = group, .zero_filled = true};
    case cache_granularity::token_group:
      return {.rows = group, .columns = 1};
  }
  return {};
}

/// The smallest and the largest value of a group.
struct cache_extent {
  float smallest = std::numeric_limits<float>::infinity();
  float largest = -std::numeric_limits<float>::infinity();

  constexpr void take(float x) noexcept {
    if (x < smallest) smallest = x;
    if (x > largest) largest = x;
  }
};

/// Calls `body(group, row's part)` for what each group has of each row, rows in order, channels in order.
template <class T, class Body>
void for_each_part(matrix_view<T> x, const cache_tiling& tiling, Body body) {
  const std::size_t across = tiling.across(x.columns());
  for (std::size_t r = 0; r < x.rows(); ++r) {
    const std::span<T> row = x.row(r);
    const std::size_t first_group = r / tiling.rows * across;
    for (std::size_t g = 0; g < across; ++g) {
      const std::size_t first = g * tiling.columns;
      body(first_group + g, row.subspan(first, (std::min)(tiling.columns, row.size() - first)));
    }
  }
}

/// The extent of each group, values rounded to F.
template <float_format F>
std::vector<cache_extent> extents_of(matrix_view<const float> x, const cache_tiling& tiling) {
  std::vector<cache_extent> extents(tiling.count(x.rows(), x.columns()));
  for_each_part(x, tiling, [&](std::size_t g, std::span<const float> part) {
    cache_extent& extent = extents[g];
    for (const float value : part)
      extent.take(round_to<F>(value));
    if (tiling.zero_filled && part.size() < tiling.columns) extent.take(0.0f);
  });
  return extents;
}

}  // namespace qfa

#endif

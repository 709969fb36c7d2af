// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_ALIGNMENT_LAYER_RANKING_HPP
#define QFA_ALIGNMENT_LAYER_RANKING_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qfa {

/// Layers that somebody would protect who has not looked at refusals: the first so many of `layers`.
struct layer_ranking {
  std::string by;  ///< "attention mass"
  std::vector<std::size_t> layers;
};

/// Which scores come first.
enum class rank_order : std::uint8_t { highest_first, lowest_first };
inline constexpr std::array<std::string_view, 2> rank_order_names{"highest first", "lowest first"};
constexpr const auto& names_of(rank_order) noexcept { return rank_order_names; }

/// All layers by their scores; of equals the earlier layer first, those whose score is NaN last.
inline std::vector<std::size_t> rank_layers(std::span<const double> scores, rank_order order) {
  std::vector<std::size_t> layers(scores.size());
  std::iota(layers.begin(), layers.end(), std::size_t{0});
  const double sign = order == rank_order::highest_first ? -1.0 : 1.0;
  std::ranges::stable_sort(layers, {}, [&](std::size_t l) {
    return std::isnan(scores[l]) ? std::numeric_limits<double>::infinity() : sign * scores[l];
  });
  return layers;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_ARRIVALS_HPP
#define QFA_CACHE_ARRIVALS_HPP

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "qfa/cache/policy.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// One half of a cache.
enum class cache_side { keys, values };
inline constexpr std::array<std::string_view, 2> cache_side_names{"keys", "values"};
constexpr const auto& names_of(cache_side) noexcept { return cache_side_names; }

/// "the keys of layer 3": how errors call them.
inline std::string in_words(cache_side side, const cache_info& info) {
  return "the " + std::string(cache_side_names[static_cast<std::size_t>(side)]) + " of layer " +
         std::to_string(info.layer);
}

/// Throws, naming the layer and the side, unless every element of rows [first, rows) is finite.
inline void refuse_not_finite(matrix_view<const float> x, std::size_t first, cache_side side, const cache_info& info) {
  for (std::size_t t = first; t < x.rows(); ++t) {
    const std::span<const float> row = x.row(t);
    if (magnitude_bits(absmax(row)) < infinity_bits) continue;
    std::size_t channel = 0;
    while (magnitude_bits(row[channel]) < infinity_bits)
      ++channel;
    fail(in_words(side, info) + " hold a value that is not finite, in channel " + std::to_string(channel) +
         " of token " + std::to_string(t) + "; a cache policy needs finite ones");
  }
}

/// What every cache policy may ask of a call before it changes anything: keys and values of one shape, that of
/// `update.info`, and new rows that are finite.  Throws otherwise.
inline void check_arrivals(matrix_view<const float> keys, matrix_view<const float> values, const cache_update& update) {
  const auto check_shape = [&](matrix_view<const float> x, cache_side side) {
    if (x.columns() != update.info.width() || x.rows() != keys.rows() || update.first_new > x.rows())
      fail(in_words(side, update.info) + " are " + std::to_string(x.rows()) + " x " + std::to_string(x.columns()) +
           " where " + std::to_string(keys.rows()) + " tokens, " + std::to_string(update.first_new) +
           " of them old, by " + std::to_string(update.info.width()) + " channels were expected");
  };
  check_shape(keys, cache_side::keys);
  check_shape(values, cache_side::values);
  refuse_not_finite(keys, update.first_new, cache_side::keys, update.info);
  refuse_not_finite(values, update.first_new, cache_side::values, update.info);
}

}  // namespace qfa

#endif

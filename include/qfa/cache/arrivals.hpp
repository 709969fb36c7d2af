// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_ARRIVALS_HPP
#define QFA_CACHE_ARRIVALS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "qfa/cache/policy.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Which half of a cache.
enum class cache_side : std::uint8_t { keys, values };
inline constexpr std::array<std::string_view, 2> cache_side_names{"keys", "values"};
constexpr const auto& names_of(cache_side) noexcept { return cache_side_names; }
constexpr std::string_view name_of(cache_side side) noexcept {
  return cache_side_names[static_cast<std::size_t>(side)];
}

/// How an error sentence calls it: "keys of layer 3".
inline std::string name_of(cache_side side, const cache_info& info) {
  return std::string(name_of(side)) + " of layer " + std::to_string(info.layer);
}

namespace detail {

/// The rows from `first` on are as wide as the layer says, and hold numbers that quantizing cannot take to infinity.
inline void check_rows_from(std::size_t first, matrix_view<const float> x, cache_side side, const cache_info& info) {
  if (x.columns() != info.width())
    fail("the " + name_of(side, info) + " are " + std::to_string(x.columns()) + " numbers wide, where " +
         std::to_string(info.kv_heads) + " heads of " + std::to_string(info.head_dim) + " are " +
         std::to_string(info.width()));
  require(x.rows() <= x.rows_per_block(), "a cache's keys and values must be one block of rows each");
  for (std::size_t t = first; t < x.rows(); ++t) {
    const float peak = absmax(x.row(t));
    if (magnitude_bits(peak) >= infinity_bits)
      fail("the " + name_of(side, info) + " hold a number at token " + std::to_string(t) +
           " that is not finite; a cache is quantized from finite numbers");
    if (peak > (std::numeric_limits<float>::max)() / 4.0f)
      fail("the " + name_of(side, info) + " hold a number at token " + std::to_string(t) +
           " beyond a quarter of the largest float, which might be rounded to infinity");
  }
}

}  // namespace detail

/// Throws, naming layer and side, unless keys and values are of the layer's width and as many tokens, and what arrived
/// is finite and at most a quarter of the largest float, so that no rounding takes it to infinity (see
/// roundable_row_peaks).  What a policy left before is its own affair.
inline void check_arrivals(matrix_view<const float> keys, matrix_view<const float> values, const cache_update& update) {
  if (keys.rows() != values.rows() || update.first_new > keys.rows())
    fail("layer " + std::to_string(update.info.layer) + " has keys of " + std::to_string(keys.rows()) +
         " tokens and values of " + std::to_string(values.rows()) + ", of which those from token " +
         std::to_string(update.first_new) + " on are new");
  detail::check_rows_from(update.first_new, keys, cache_side::keys, update.info);
  detail::check_rows_from(update.first_new, values, cache_side::values, update.info);
}

/// The same of calibration tokens: there must be one at least, and keys need not come from as many as values.  Throws
/// as check_arrivals, and where there is none.
inline void check_calibration_tokens(matrix_view<const float> keys, matrix_view<const float> values,
                                     const cache_info& info) {
  if (keys.rows() == 0 || values.rows() == 0)
    fail("a cache policy learns nothing of layer " + std::to_string(info.layer) + " from no tokens");
  detail::check_rows_from(0, keys, cache_side::keys, info);
  detail::check_rows_from(0, values, cache_side::values, info);
}

/// The rows that arrived.
inline matrix_view<float> new_rows(matrix_view<float> x, const cache_update& update) {
  return x.rows_between(update.first_new, x.rows());
}

/// A row for each head of each token, (tokens kv_heads, head_dim), of rows that are one block: token after token.
template <class T>
matrix_view<T> head_rows(matrix_view<T> x, const cache_info& info) {
  if (x.empty()) return {x.data(), 0, info.head_dim};
  return {x.data(), x.rows() * info.kv_heads, info.head_dim, info.head_dim, info.kv_heads, x.row_stride()};
}

/// The same, head after head: as Hugging Face lays caches out, (kv_heads, tokens, head_dim).
template <class T>
matrix_view<T> head_major_rows(matrix_view<T> x, const cache_info& info) {
  if (x.empty()) return {x.data(), 0, info.head_dim};
  return {x.data(), x.rows() * info.kv_heads, info.head_dim, x.row_stride(), x.rows(), info.head_dim};
}

/// What a weight policy is told of these rows: a name for its sentences and its random numbers, which differ from call
/// to call.  No role and no heads: rows are tokens here, not output channels.
inline tensor_info tensor_info_of(cache_side side, const cache_update& update) {
  return {.name = name_of(side, update.info) + " from token " + std::to_string(update.first_new) + " on",
          .layer = update.info.layer,
          .layers = update.info.layers};
}

}  // namespace qfa

#endif

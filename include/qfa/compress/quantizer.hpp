// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_QUANTIZER_HPP
#define QFA_COMPRESS_QUANTIZER_HPP

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include "qfa/compress/grouping.hpp"
#include "qfa/compress/policy.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The numbers that a code can stand for.
///
///   limit()    the largest magnitude among them, above 0
///   round(x)   the one that x becomes: idempotent, odd, monotone, never beyond the limit, 0 at 0
///
/// A constant `bits`, where there is one, says what a code takes.
template <class G>
concept rounding_grid = std::copy_constructible<G> && requires(const G& grid, float x) {
  { grid.limit() } -> std::convertible_to<float>;
  { grid.round(x) } -> std::convertible_to<float>;
};

/// The scale of a group, never empty: what its weights are divided by to lie within the grid's limit.  A 0 becomes 1.
template <class S>
concept scale_rule = std::copy_constructible<S> && requires(const S& rule, std::span<const float> group, float limit) {
  { rule(group, limit) } -> std::convertible_to<float>;
};

/// The integers from -(2^(Bits - 1) - 1) to 2^(Bits - 1) - 1, ties to even.
template <int Bits>
  requires(Bits >= 2 && Bits <= 8)
struct int_grid {
  static constexpr int bits = Bits;
  static constexpr float limit() noexcept { return static_cast<float>((1 << (Bits - 1)) - 1); }
  static constexpr float round(float x) noexcept {
    const float q = half_even(x);
    return q < -limit() ? -limit() : q > limit() ? limit() : q;
  }
};

/// The group's largest magnitude meets the grid's limit: max|w| / limit.
struct absmax_over_limit {
  float operator()(std::span<const float> group, float limit) const noexcept { return absmax(group) / limit; }
};

static_assert(rounding_grid<int_grid<4>> && scale_rule<absmax_over_limit>);
static_assert(int_grid<4>::round(2.5f) == 2.0f && int_grid<4>::round(-9.0f) == -7.0f);

/// Independent choices, composed at compile time: which numbers, which weights share a scale, and what the scale is.
///
///   quantizer<int_grid<4>, per_group<128>>{}
///
///   s = scale(group, limit), s = 1 where that is 0;  w <- round(w / s) s
///
/// With `int_grid<B>` it is `rtn{.bits = B}` to the bit, unless the scale is subnormal.
template <rounding_grid Grid, weight_grouping Groups = per_row, scale_rule Scale = absmax_over_limit>
struct quantizer {
  [[no_unique_address]] Grid grid{};
  [[no_unique_address]] Groups groups{};
  [[no_unique_address]] Scale scale{};

  /// Throws on weights that are not finite; they are then unchanged.  Throws where the rule gives a scale that is not
  /// finite, after other groups may have been changed: that is the rule's error, not the weights'.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    finite_row_peaks(weights, info);
    for_each_group(weights, groups, [&](std::size_t number, std::span<float> group) {
      float s = static_cast<float>(scale(std::span<const float>(group), static_cast<float>(grid.limit())));
      if (magnitude_bits(s) >= infinity_bits)
        fail("the scale rule gave group " + std::to_string(number) + " of " + quoted(info) +
             " a scale that is not finite");
      if (s == 0.0f) s = 1.0f;
      for (float& w : group)
        w = static_cast<float>(grid.round(w / s)) * s;
    });
  }

  /// The codes, and a scale in fp32 for each group.
  double stored_bits(std::size_t rows, std::size_t columns, const tensor_info& = {}) const requires requires {
    { Grid::bits } -> std::convertible_to<double>;
  }
  {
    return static_cast<double>(rows * columns) * static_cast<double>(Grid::bits) +
           static_cast<double>(group_count(groups, rows, columns)) * 32.0;
  }
};

static_assert(weight_policy<quantizer<int_grid<4>, per_group<128>>>);

}  // namespace qfa

#endif

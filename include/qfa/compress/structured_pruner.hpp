// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_STRUCTURED_PRUNER_HPP
#define QFA_COMPRESS_STRUCTURED_PRUNER_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/pruning_rule.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"

namespace qfa {
namespace detail {

/// Zeroes the floor(share n) of n equal bands of rows, or of columns, whose L2 norms are least; of equal norms the
/// first first.  `height` rows, or `width` columns, make a band; the other is 0.
///
/// The square of a float is exact in double, and a band's are added in the order of columns within rows: the sums, and
/// so the choice, are the same with any number of threads and whether or not the compiler fuses.
inline void zero_smallest_bands(matrix_view<float> weights, double share, std::size_t height, std::size_t width) {
  const bool by_row = width == 0;
  const std::size_t count = by_row ? weights.rows() / height : weights.columns() / width;
  std::vector<double> squares(count, 0.0);
  parallel_for(count, [&](std::size_t band) {
    double sum = 0.0;
    for (std::size_t i = 0; i < (by_row ? height : weights.rows()); ++i) {
      const std::span<const float> row = weights.row(by_row ? band * height + i : i);
      for (const float w : by_row ? row : row.subspan(band * width, width))
        sum += static_cast<double>(w) * static_cast<double>(w);
    }
    squares[band] = sum;
  });
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t band) { return squares[band]; });
  order.resize(count_of_share(share, count));
  for (const std::size_t band : order)
    for (std::size_t i = 0; i < (by_row ? height : weights.rows()); ++i) {
      const std::span<float> row = weights.row(by_row ? band * height + i : i);
      std::ranges::fill(by_row ? row : row.subspan(band * width, width), 0.0f);
    }
}

}  // namespace detail

/// Zeroes the rows, that is output channels, of least L2 norm: floor(share rows) of them, of equal norms the first
/// first.  Throws on weights that are not finite; they are then unchanged.
struct row_pruner {
  double share = 0.0;  ///< 0 to 1

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    finite_row_peaks(weights, info);
    if (!weights.empty()) detail::zero_smallest_bands(weights, share, 1, 0);
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune_rows";
  static constexpr std::string_view summary = "zero the output channels of least norm";
  static constexpr auto fields() {
    return std::tuple{field{"share", &row_pruner::share, "the share of rows that goes, 0 to 1", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where the share is not in [0, 1].
  void validate() const { require_share(share, spec_name, "share"); }
};

/// Zeroes the columns, that is input channels, of least L2 norm: floor(share columns) of them, of equal norms the first
/// first.  Throws on weights that are not finite; they are then unchanged.
struct column_pruner {
  double share = 0.0;  ///< 0 to 1

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    finite_row_peaks(weights, info);
    if (!weights.empty()) detail::zero_smallest_bands(weights, share, 0, 1);
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune_columns";
  static constexpr std::string_view summary = "zero the input channels of least norm";
  static constexpr auto fields() {
    return std::tuple{field{"share", &column_pruner::share, "the share of columns that goes, 0 to 1", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where the share is not in [0, 1].
  void validate() const { require_share(share, spec_name, "share"); }
};

/// Zeroes the heads of least L2 norm in this matrix, floor(share heads) of them, of equal norms the first first:
/// head_dim rows each in q, k and v, head_dim columns in o.
///
/// A policy sees one matrix at a time: q and o of a layer may lose different heads.  To silence whole heads, prune o
/// alone, whose columns are all that is heard of one.  Throws on a matrix without heads, naming it, and on weights that
/// are not finite; they are then unchanged.
struct head_pruner {
  double share = 0.0;  ///< 0 to 1

  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    const bool by_column = info.role == tensor_role::attention_out;
    if (!by_column && info.role != tensor_role::query && info.role != tensor_role::key &&
        info.role != tensor_role::value)
      fail("prune_heads knows no heads in " + quoted(info) + ", whose role is " + std::string(name_of(info.role)) +
           "; target q, k, v and o only");
    const std::size_t across = by_column ? weights.columns() : weights.rows();
    if (info.head_dim == 0 || across % info.head_dim != 0 || (info.heads != 0 && info.heads * info.head_dim != across))
      fail("prune_heads needs " + quoted(info) + " to be cut into heads, but it has " + std::to_string(across) +
           (by_column ? " columns for " : " rows for ") + std::to_string(info.heads) + " heads of " +
           std::to_string(info.head_dim));
    finite_row_peaks(weights, info);
    if (!weights.empty())
      detail::zero_smallest_bands(weights, share, by_column ? 0 : info.head_dim, by_column ? info.head_dim : 0);
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune_heads";
  static constexpr std::string_view summary = "zero the attention heads of least norm, in q, k, v and o";
  static constexpr auto fields() {
    return std::tuple{field{"share", &head_pruner::share, "the share of heads that goes, 0 to 1", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where the share is not in [0, 1].
  void validate() const { require_share(share, spec_name, "share"); }
};

static_assert(described_policy<row_pruner> && described_policy<column_pruner> && described_policy<head_pruner>);

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_NM_PRUNER_HPP
#define QFA_COMPRESS_NM_PRUNER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "qfa/compress/fields.hpp"
#include "qfa/compress/rounding.hpp"
#include "qfa/compress/tensor_info.hpp"
#include "qfa/compress/weight_rows.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// n:m sparsity by magnitude: of each `of` consecutive columns of a row the `zeroed` smallest go, of equal magnitudes
/// the leftmost first.
///
/// Hardware's and SparseGPT's 2:4 is zeroed=2,of=4 either way.  For other pairs papers differ on whether n counts the
/// weights that go (SparseGPT's and Wanda's prune_n) or those that stay: hence the option's name.
struct nm_pruner {
  std::size_t zeroed = 2;  ///< weights of a group that go, 0 to `of`
  std::size_t of = 4;      ///< columns in a group, at least 1

  /// Throws on weights that are not finite, and where groups do not divide the columns; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    if (weights.columns() % of != 0)
      fail("prune_nm needs the columns of " + quoted(info) + " to be a multiple of of=" + std::to_string(of) +
           ", but it has " + std::to_string(weights.columns()));
    finite_row_peaks(weights, info);
    for_each_row(weights, [this](std::size_t, std::span<float> row) {
      std::vector<std::size_t> order(of);
      for (std::size_t first = 0; first < row.size(); first += of) {
        const auto group = row.subspan(first, of);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
          const std::uint32_t size_a = magnitude_bits(group[a]), size_b = magnitude_bits(group[b]);
          return size_a != size_b ? size_a < size_b : a < b;
        });
        for (std::size_t i = 0; i < zeroed; ++i)
          group[order[i]] = 0.0f;
      }
    });
  }

  static constexpr bool keeps_codes = true;
  static constexpr std::string_view spec_name = "prune_nm";
  static constexpr std::string_view summary = "zero so many of the smallest of each few neighboring columns";
  static constexpr auto fields() {
    return std::tuple{field{"zeroed", &nm_pruner::zeroed, "how many of each group become zero", true},
                      field{"of", &nm_pruner::of, "columns in a group", true}};
  }
  std::string name() const { return spec_of(*this); }

  /// Throws where of is 0, and where zeroed exceeds it.
  void validate() const {
    if (of == 0) fail("prune_nm's of must be at least 1 column");
    if (zeroed > of) fail("prune_nm cannot zero " + std::to_string(zeroed) + " of " + std::to_string(of) + " columns");
  }
};

static_assert(described_policy<nm_pruner> && named_policy<nm_pruner>);

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_MAGNITUDE_PRUNER_HPP
#define QFA_COMPRESS_MAGNITUDE_PRUNER_HPP

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
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

/// The k-th smallest |w|, k counted from 1, of finite weights.
///
/// Magnitudes order as their bits do, so two counting passes replace a sort and copy nothing: the first finds the upper
/// 16 bits of the answer, the second the lower 16 among the weights that share them.
inline float kth_smallest_magnitude(matrix_view<const float> weights, std::size_t k) {
  assert(k >= 1 && k <= weights.size());
  std::size_t before = 0;  // weights known to be smaller than all of the bin in question
  const auto bin_of_kth = [&](const std::vector<std::size_t>& counts) {
    std::size_t bin = 0;
    while (before + counts[bin] < k) before += counts[bin++];
    return static_cast<std::uint32_t>(bin);
  };
  std::vector<std::size_t> counts(std::size_t{1} << 16, 0);
  for (std::size_t r = 0; r < weights.rows(); ++r)
    for (const float w : weights.row(r)) ++counts[magnitude_bits(w) >> 16];
  const std::uint32_t upper = bin_of_kth(counts);

  counts.assign(counts.size(), 0);
  for (std::size_t r = 0; r < weights.rows(); ++r)
    for (const float w : weights.row(r))
      if (magnitude_bits(w) >> 16 == upper) ++counts[magnitude_bits(w) & 0xffffU];
  return std::bit_cast<float>(upper << 16 | bin_of_kth(counts));
}

/// Sets the smallest weights of each tensor to zero, as arXiv 2606.03002 does:
///
///   k = floor(sparsity n),  w <- 0 where |w| <= the k-th smallest |w|
///
/// Weights that tie with the k-th go too, so that more than k may; where k = 0 none goes.  The product is taken in
/// double, as Python takes int(sparsity * n): 0.29 of 100 are 28.
struct magnitude_pruner {
  double sparsity = 0.0;  ///< 0 to 1

  /// Throws on weights that are not finite; they are then unchanged.
  void operator()(matrix_view<float> weights, const tensor_info& info = {}) const {
    validate();
    finite_row_peaks(weights, info);
    const auto k = static_cast<std::size_t>(sparsity * static_cast<double>(weights.size()));
    if (k == 0) return;
    const float threshold = kth_smallest_magnitude(weights, k);
    for_each_row(weights, [threshold](std::size_t, std::span<float> row) {
      for (float& w : row) w = (w < 0.0f ? -w : w) <= threshold ? 0.0f : w;
    });
  }

  static constexpr std::string_view spec_name = "prune";
  static constexpr std::string_view summary = "zero the smallest magnitudes of each tensor, ties with the last too";
  static constexpr auto fields() {
    return std::tuple{field{"sparsity", &magnitude_pruner::sparsity, "the share that goes, 0 to 1", true}};
  }
  std::string name() const { return spec_of(*this); }

  void validate() const {
    if (!(sparsity >= 0.0 && sparsity <= 1.0))  // refuses NaN as well
      fail("prune's sparsity must lie between 0 and 1, not be " + value_to_text(sparsity));
  }
};

static_assert(described_policy<magnitude_pruner> && named_policy<magnitude_pruner>);

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_KTH_SMALLEST_HPP
#define QFA_COMPRESS_KTH_SMALLEST_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/compress/rounding.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// A key and how many are smaller.
struct ranked_key {
  std::uint32_t key = 0;
  std::size_t smaller = 0;

  bool operator==(const ranked_key&) const = default;
};

/// The k-th smallest, k counted from 1, of at least k keys.  `visit_all(visit)` calls visit(key) for each key, in any
/// order; it is called twice.  Throws for 0, and where there are fewer keys.
///
/// Two counting passes replace a sort and copy nothing: the first finds the upper 16 bits of the answer, the second the
/// lower 16 among the keys that share them.
template <class VisitAll>
ranked_key kth_smallest(std::size_t k, VisitAll visit_all) {
  require(k >= 1, "the k-th smallest is counted from 1");
  std::size_t before = 0;  // keys known to be smaller than all of the bin in question
  const auto bin_of_kth = [&](const std::vector<std::size_t>& counts) {
    std::size_t bin = 0;
    while (before + counts[bin] < k) {
      before += counts[bin++];
      require(bin < counts.size(), "the k-th smallest was asked of fewer than k");
    }
    return static_cast<std::uint32_t>(bin);
  };
  std::vector<std::size_t> counts(std::size_t{1} << 16, 0);
  visit_all([&](std::uint32_t key) { ++counts[key >> 16]; });
  const std::uint32_t upper = bin_of_kth(counts);

  counts.assign(counts.size(), 0);
  visit_all([&](std::uint32_t key) {
    if (key >> 16 == upper) ++counts[key & 0xffffU];
  });
  const std::uint32_t lower = bin_of_kth(counts);
  return {upper << 16 | lower, before};
}

/// The k-th smallest |w|, k counted from 1, of the finite weights of several matrices taken together.  Magnitudes order
/// as their bits do.  Throws for 0, and where there are fewer weights.
inline float kth_smallest_magnitude(std::span<const matrix_view<const float>> matrices, std::size_t k) {
  const auto visit_all = [&](auto visit) {
    for (const matrix_view<const float>& weights : matrices)
      for (std::size_t r = 0; r < weights.rows(); ++r)
        for (const float w : weights.row(r))
          visit(magnitude_bits(w));
  };
  return std::bit_cast<float>(kth_smallest(k, visit_all).key);
}

/// The same of one matrix.
inline float kth_smallest_magnitude(matrix_view<const float> weights, std::size_t k) {
  return kth_smallest_magnitude(std::span(&weights, 1), k);
}

/// The same of a row, and as it throws: counting over 2^16 bins would take longer than the row itself.
inline float kth_smallest_magnitude(std::span<const float> row, std::size_t k) {
  require(k >= 1 && k <= row.size(), "the k-th smallest of a row is one of its numbers");
  std::vector<std::uint32_t> keys(row.size());
  std::ranges::transform(row, keys.begin(), magnitude_bits);
  const auto kth = keys.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::ranges::nth_element(keys, kth);
  return std::bit_cast<float>(*kth);
}

}  // namespace qfa

#endif

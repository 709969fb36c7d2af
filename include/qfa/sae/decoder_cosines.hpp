// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_DECODER_COSINES_HPP
#define QFA_SAE_DECODER_COSINES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/simd/gemm.hpp"
#include "qfa/simd/packed_matrix.hpp"

namespace qfa {

/// Two features, and how alike their decoder rows are.
struct decoder_pair {
  std::uint32_t a = 0;  ///< the lesser
  std::uint32_t b = 0;
  double cosine = 0.0;

  bool operator==(const decoder_pair&) const = default;
};

namespace detail {

/// Sum of u v in float64, in which a product of two floats is exact: fused or not, it has the same bits.
inline double inner_product(std::span<const float> u, std::span<const float> v) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < u.size(); ++i)
    sum += static_cast<double>(u[i]) * static_cast<double>(v[i]);
  return sum;
}

inline matrix_view<const float> decoder_rows(const sae& s) noexcept { return {s.w_dec.data(), s.d_sae, s.d_in}; }

}  // namespace detail

/// |w_j| of every feature's decoder row.
inline std::vector<double> decoder_lengths(const sae& s) {
  std::vector<double> lengths(s.d_sae);
  for (std::size_t j = 0; j < s.d_sae; ++j) {
    const auto row = detail::decoder_rows(s).row(j);
    lengths[j] = std::sqrt(detail::inner_product(row, row));
  }
  return lengths;
}

/// cos(w_a, w_b) in float64 from the rows as they are stored; NaN where one of them is zero.
inline double decoder_cosine(const sae& s, std::span<const double> lengths, std::size_t a, std::size_t b) noexcept {
  const double scale = lengths[a] * lengths[b];
  if (!(scale > 0.0)) return std::numeric_limits<double>::quiet_NaN();
  return detail::inner_product(detail::decoder_rows(s).row(a), detail::decoder_rows(s).row(b)) / scale;
}

/// Every pair of features whose decoder rows have a cosine strictly above `above` > 0, by a, then b.
///
/// A float32 matrix product of unit rows, 512 of them at a time, says which pairs may be; those are computed again in
/// float64, so that the answer hangs on no vector width.  Memory: 4 bytes for 512 by d_sae numbers, and 16 for a pair,
/// never d_sae^2.  Throws for more than 256 pairs a feature: rows that are nearly parallel have no families.
inline std::vector<decoder_pair> similar_features(const sae& s, double above) {
  require(above > 0.0 && above < 1.0, "features are similar above a cosine between 0 and 1");
  constexpr std::size_t block = 512, most_pairs = 256;
  const std::vector<double> lengths = decoder_lengths(s);
  std::vector<float> units(s.d_sae * s.d_in, 0.0f);
  for (std::size_t j = 0; j < s.d_sae; ++j)
    for (std::size_t i = 0; lengths[j] > 0.0 && i < s.d_in; ++i)
      units[j * s.d_in + i] = static_cast<float>(static_cast<double>(s.w_dec[j * s.d_in + i]) / lengths[j]);
  const matrix_view<const float> unit_rows(units.data(), s.d_sae, s.d_in);
  // A chain of d_in float32 sums of unit rows is off by no more than d_in 2^-23, whatever its order.
  const double doubt = 1e-6 + static_cast<double>(s.d_in) * 0x1p-23;

  std::vector<decoder_pair> pairs;
  std::vector<float> products;
  for (std::size_t first = 0; first < s.d_sae; first += block) {
    const std::size_t last = (std::min)(s.d_sae, first + block), width = last - first, rows = s.d_sae - first;
    products.resize(rows * width);
    simd::multiply(unit_rows.rows_between(first, s.d_sae), simd::pack_transposed(unit_rows.rows_between(first, last)),
                   matrix_view<float>(products.data(), rows, width));
    std::vector<std::vector<decoder_pair>> found(width);
    parallel_for(width, [&](std::size_t c) {
      for (std::size_t r = c + 1; r < rows; ++r) {
        if (!(static_cast<double>(products[r * width + c]) > above - doubt)) continue;
        const double cosine = decoder_cosine(s, lengths, first + c, first + r);
        if (cosine > above)
          found[c].push_back({static_cast<std::uint32_t>(first + c), static_cast<std::uint32_t>(first + r), cosine});
      }
    });
    for (const auto& of_feature : found)
      pairs.insert(pairs.end(), of_feature.begin(), of_feature.end());
    if (pairs.size() > most_pairs * s.d_sae)
      fail("the SAE's decoder has more than " + std::to_string(most_pairs) + " pairs a feature with a cosine above " +
           std::to_string(above) + ", expected rows that point in different directions");
  }
  return pairs;
}

}  // namespace qfa

#endif

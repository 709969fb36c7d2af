// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_EXACT_PRODUCTS_HPP
#define QFA_SAE_EXACT_PRODUCTS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/matrix_view.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/batch.hpp"

namespace qfa {

/// One product of the encoder: a token of a block, by its row, with a column of W_enc.
struct encoder_pair {
  std::uint32_t row = 0;
  std::uint32_t column = 0;
};

/// Single products of an encoder, for the few that are wanted: W_enc by columns, each unbroken in memory.
template <class Arch>
class exact_products {
 public:
  /// w (inputs, columns).
  explicit exact_products(matrix_view<const float> w) : inputs_(w.rows()), columns_(w.columns()), values_(w.size()) {
    constexpr std::size_t step = 16;  // a cache line of floats, read and written
    parallel_for((w.columns() + step - 1) / step, [&](std::size_t block) {
      const std::size_t first = block * step, last = (std::min)(w.columns(), first + step);
      for (std::size_t k = 0; k < inputs_; ++k)
        for (std::size_t j = first; j < last; ++j)
          values_[j * inputs_ + k] = w(k, j);
    });
  }

  /// (columns, inputs)
  matrix_view<const float> by_columns() const noexcept { return {values_.data(), columns_, inputs_}; }

  /// The same products by fused multiply-adds in some order: quick, and no more roundings than inputs + 32.  Pairs of
  /// one column that follow each other read it together.
  void rough(const float* x, std::span<const encoder_pair> pairs, float* out) const noexcept {
    for (std::size_t i = 0; i < pairs.size();) {
      std::size_t same = 1;
      while (same < 4 && i + same < pairs.size() && pairs[i + same].column == pairs[i].column)
        ++same;
      if (same == 4)
        together(x, pairs.data() + i, out + i, std::make_index_sequence<4>{});
      else if (same > 1)
        together(x, pairs.data() + i, out + i, std::make_index_sequence<2>{}), same = 2;
      else
        together(x, pairs.data() + i, out + i, std::make_index_sequence<1>{});
      i += same;
    }
  }

  /// What the encoder's matrix product computes for these pairs, to the bit: chains of fused multiply-adds from 0 with
  /// k ascending.  x (rows, inputs), rows without gaps.
  void operator()(const float* x, std::span<const encoder_pair> pairs, float* out) const noexcept {
    std::size_t i = 0;
    for (; i + chains <= pairs.size(); i += chains)
      several(x, pairs.data() + i, out + i, std::make_index_sequence<chains>{});
    for (; i < pairs.size(); ++i)
      several(x, pairs.data() + i, out + i, std::make_index_sequence<1>{});
  }

 private:
  static constexpr std::size_t chains = 8;  // side by side: a chain alone waits four cycles for each of its links

  static float reduce(const simd::floats<Arch>& x) noexcept {
    alignas(simd::alignment) float lane[simd::width<Arch>];
    x.store_aligned(lane);
    for (std::size_t half = simd::width<Arch> / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i)
        lane[i] += lane[i + half];
    return lane[0];
  }

  template <std::size_t... I>
  void together(const float* x, const encoder_pair* pairs, float* out, std::index_sequence<I...>) const noexcept {
    using batch = simd::floats<Arch>;
    constexpr std::size_t w = simd::width<Arch>, count = sizeof...(I);
    const float* const rows[count] = {(x + pairs[I].row * inputs_)...};
    const float* const y = values_.data() + pairs[0].column * inputs_;
    batch even[count], odd[count];
    ((even[I] = batch(0.0f), odd[I] = batch(0.0f)), ...);
    std::size_t k = 0;
    for (; k + 2 * w <= inputs_; k += 2 * w) {
      const batch first = simd::load<Arch>(y + k), second = simd::load<Arch>(y + k + w);
      ((even[I] = simd::fma(simd::load<Arch>(rows[I] + k), first, even[I]),
        odd[I] = simd::fma(simd::load<Arch>(rows[I] + k + w), second, odd[I])),
       ...);
    }
    ((out[I] = reduce(even[I] + odd[I])), ...);
    for (; k < inputs_; ++k)
      ((out[I] = std::fma(rows[I][k], y[k], out[I])), ...);
  }

  template <std::size_t... I>
  void several(const float* x, const encoder_pair* pairs, float* out, std::index_sequence<I...>) const noexcept {
    const float* const left[] = {(x + pairs[I].row * inputs_)...};
    const float* const right[] = {(values_.data() + pairs[I].column * inputs_)...};
    float sum[] = {(static_cast<void>(I), 0.0f)...};
    for (std::size_t k = 0; k < inputs_; ++k)
      ((sum[I] = std::fma(left[I][k], right[I][k], sum[I])), ...);
    ((out[I] = sum[I]), ...);
  }

  std::size_t inputs_;
  std::size_t columns_;
  std::vector<float> values_;  // (columns, inputs)
};

}  // namespace qfa

#endif

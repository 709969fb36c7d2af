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

  /// x.w_j by fused multiply-adds in some order: quick, and no more roundings than inputs + 32.
  float rough(const float* x, std::size_t j) const noexcept {
    using batch = simd::floats<Arch>;
    constexpr std::size_t w = simd::width<Arch>;
    const float* const y = values_.data() + j * inputs_;
    batch a(0.0f), b(0.0f), c(0.0f), d(0.0f);
    std::size_t k = 0;
    for (; k + 4 * w <= inputs_; k += 4 * w) {
      a = simd::fma(simd::load<Arch>(x + k), simd::load<Arch>(y + k), a);
      b = simd::fma(simd::load<Arch>(x + k + w), simd::load<Arch>(y + k + w), b);
      c = simd::fma(simd::load<Arch>(x + k + 2 * w), simd::load<Arch>(y + k + 2 * w), c);
      d = simd::fma(simd::load<Arch>(x + k + 3 * w), simd::load<Arch>(y + k + 3 * w), d);
    }
    for (; k + w <= inputs_; k += w)
      a = simd::fma(simd::load<Arch>(x + k), simd::load<Arch>(y + k), a);
    float sum = reduce((a + b) + (c + d));
    for (; k < inputs_; ++k)
      sum = std::fma(x[k], y[k], sum);
    return sum;
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

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_GRAM_HPP
#define QFA_SIMD_GRAM_HPP

#include <array>
#include <cstddef>

#include "qfa/simd/batch.hpp"
#include "qfa/simd/dispatch.hpp"

namespace qfa::simd {

/// Channels along a side of a tile of a Gram matrix: a cache line of doubles is half of it.
inline constexpr std::size_t gram_side = 16;

/// Adds the products of tokens to a tile (gram_side, gram_side) of a Gram matrix, a token after the other:
///
///   tile(i, j) += a(t, i) b(t, j)   for t = 0, 1, ..., tokens - 1
///
/// a and b (tokens, gram_side) hold floats as doubles.  Then each product is exact, and whether it is rounded before it
/// is added makes no difference: the bits are the same on every instruction set, with FMA and without.
using gram_kernel = void(const double* a, const double* b, std::size_t tokens, double* tile);

namespace ref {

inline void add_gram_tile(const double* a, const double* b, std::size_t tokens, double* tile) noexcept {
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t i = 0; i < gram_side; ++i)
      for (std::size_t j = 0; j < gram_side; ++j)
        tile[i * gram_side + j] += a[t * gram_side + i] * b[t * gram_side + j];
}

}  // namespace ref

/// Four rows of a tile at a time stay in registers while all tokens pass.
template <class Arch = best_arch>
void add_gram_tile(const double* a, const double* b, std::size_t tokens, double* tile) noexcept {
  using registers = doubles<Arch>;
  constexpr std::size_t rows = 4, width = registers::size, columns = 2 * width;
  static_assert(gram_side % rows == 0 && gram_side % columns == 0);
  for (std::size_t i = 0; i < gram_side; i += rows)
    for (std::size_t j = 0; j < gram_side; j += columns) {
      std::array<registers, rows> left, right;
      for (std::size_t r = 0; r < rows; ++r) {
        left[r] = registers::load_unaligned(tile + (i + r) * gram_side + j);
        right[r] = registers::load_unaligned(tile + (i + r) * gram_side + j + width);
      }
      for (std::size_t t = 0; t < tokens; ++t) {
        const registers b_left = registers::load_unaligned(b + t * gram_side + j);
        const registers b_right = registers::load_unaligned(b + t * gram_side + j + width);
        for (std::size_t r = 0; r < rows; ++r) {
          const registers x(a[t * gram_side + i + r]);
          left[r] = fma<Arch>(x, b_left, left[r]);
          right[r] = fma<Arch>(x, b_right, right[r]);
        }
      }
      for (std::size_t r = 0; r < rows; ++r) {
        left[r].store_unaligned(tile + (i + r) * gram_side + j);
        right[r].store_unaligned(tile + (i + r) * gram_side + j + width);
      }
    }
}

}  // namespace qfa::simd

#ifdef QFA_DISPATCH
extern "C" {
#if defined(__x86_64__)
qfa::simd::gram_kernel qfa_gram_sse2, qfa_gram_avx2, qfa_gram_avx512, qfa_gram_avx512vnni;
#elif defined(__aarch64__)
qfa::simd::gram_kernel qfa_gram_neon;
#endif
}
#endif

namespace qfa::simd {

#ifdef QFA_DISPATCH
namespace detail {

/// Of the kernels that qfa_enable_dispatch put into this program, whether or not this machine runs them.
inline gram_kernel* dispatched_gram(level l) noexcept {
#if defined(__x86_64__)
  constexpr std::array<gram_kernel*, levels> kernels{&qfa_gram_sse2, &qfa_gram_avx2, &qfa_gram_avx512,
                                                     &qfa_gram_avx512vnni};
#elif defined(__aarch64__)
  constexpr std::array<gram_kernel*, levels> kernels{&qfa_gram_neon};
#endif
  return kernels[static_cast<std::size_t>(l)];
}

}  // namespace detail
#endif

/// The kernel that programs run unless they choose, as encoders are chosen (sae/any_encoder.hpp).  Throws where
/// QFA_ARCH names what this machine has not.
inline gram_kernel* default_gram() {
#ifdef QFA_DISPATCH
  return detail::dispatched_gram(chosen_level());
#else
  return &add_gram_tile<best_arch>;
#endif
}

}  // namespace qfa::simd

#endif

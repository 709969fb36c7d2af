// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SIMD_RANK_UPDATE_HPP
#define QFA_SIMD_RANK_UPDATE_HPP

#include <algorithm>
#include <array>
#include <cstddef>

#include "qfa/simd/batch.hpp"
#include "qfa/simd/dispatch.hpp"

namespace qfa::simd {

/// Some rows of doubles, the beginning of each so far behind the one before.
template <class T>
struct double_rows {
  T* first = nullptr;
  std::size_t stride = 0;

  T* row(std::size_t r) const noexcept { return first + r * stride; }
};

/// Takes products from a matrix, one after the other:
///
///   w(r, j) -= e(r, i) u(i, j)   for i = 0, 1, ..., terms - 1
///
/// w (rows, columns), e (rows, terms), u (terms, columns).  Each product is rounded before it is taken off, so that the
/// bits are the same on every instruction set, with FMA and without, where the compiler is told not to fuse
/// (-ffp-contract=off, as qfa_enable_dispatch does).
using rank_update_kernel = void(double_rows<double> w, double_rows<const double> e, double_rows<const double> u,
                                std::size_t rows, std::size_t terms, std::size_t columns);

namespace ref {

inline void subtract_products(double_rows<double> w, double_rows<const double> e, double_rows<const double> u,
                              std::size_t rows, std::size_t terms, std::size_t columns) noexcept {
  for (std::size_t i = 0; i < terms; ++i)
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t j = 0; j < columns; ++j)
        w.row(r)[j] -= e.row(r)[i] * u.row(i)[j];
}

}  // namespace ref

namespace detail {

/// `Registers` registers in each of `Rows` rows stay where they are while all terms pass.
template <class Arch, std::size_t Rows, std::size_t Registers>
void subtract_products_here(double_rows<double> w, double_rows<const double> e, double_rows<const double> u,
                            std::size_t terms) noexcept {
  using registers = doubles<Arch>;
  std::array<std::array<registers, Registers>, Rows> sums;
  for (std::size_t r = 0; r < Rows; ++r)
    for (std::size_t k = 0; k < Registers; ++k)
      sums[r][k] = registers::load_unaligned(w.row(r) + k * registers::size);
  for (std::size_t i = 0; i < terms; ++i)
    for (std::size_t k = 0; k < Registers; ++k) {
      const registers of_u = registers::load_unaligned(u.row(i) + k * registers::size);
      for (std::size_t r = 0; r < Rows; ++r)
        sums[r][k] = sums[r][k] - registers(e.row(r)[i]) * of_u;
    }
  for (std::size_t r = 0; r < Rows; ++r)
    for (std::size_t k = 0; k < Registers; ++k)
      sums[r][k].store_unaligned(w.row(r) + k * registers::size);
}

}  // namespace detail

/// Eight rows at a time, and as many columns as registers are left for.
template <class Arch = best_arch>
void subtract_products(double_rows<double> w, double_rows<const double> e, double_rows<const double> u,
                       std::size_t rows, std::size_t terms, std::size_t columns) noexcept {
  constexpr std::size_t side = 8, width = doubles<Arch>::size;
  constexpr std::size_t many = width >= 8 ? 2 : 1;  // 32 registers there, 16 elsewhere
  if (terms == 0) return;                           // where u may have no rows to point to
  const auto all_columns = [&]<std::size_t Rows>(double_rows<double> to, double_rows<const double> errors,
                                                 std::array<char, Rows>) {
    std::size_t j = 0;
    for (; j + many * width <= columns; j += many * width)
      detail::subtract_products_here<Arch, Rows, many>({to.first + j, to.stride}, errors, {u.first + j, u.stride},
                                                       terms);
    for (; j + width <= columns; j += width)
      detail::subtract_products_here<Arch, Rows, 1>({to.first + j, to.stride}, errors, {u.first + j, u.stride}, terms);
    ref::subtract_products({to.first + j, to.stride}, errors, {u.first + j, u.stride}, Rows, terms, columns - j);
  };
  std::size_t r = 0;
  for (; r + side <= rows; r += side)
    all_columns({w.row(r), w.stride}, {e.row(r), e.stride}, std::array<char, side>{});
  for (; r < rows; ++r)
    all_columns({w.row(r), w.stride}, {e.row(r), e.stride}, std::array<char, 1>{});
}

}  // namespace qfa::simd

#ifdef QFA_DISPATCH
extern "C" {
#if defined(__x86_64__)
qfa::simd::rank_update_kernel qfa_rank_update_sse2, qfa_rank_update_avx2, qfa_rank_update_avx512,
    qfa_rank_update_avx512vnni;
#elif defined(__aarch64__)
qfa::simd::rank_update_kernel qfa_rank_update_neon;
#endif
}
#endif

namespace qfa::simd {

#ifdef QFA_DISPATCH
namespace detail {

/// Of the kernels that qfa_enable_dispatch put into this program, whether or not this machine runs them.
inline rank_update_kernel* dispatched_rank_update(level l) noexcept {
#if defined(__x86_64__)
  constexpr std::array<rank_update_kernel*, levels> kernels{&qfa_rank_update_sse2, &qfa_rank_update_avx2,
                                                            &qfa_rank_update_avx512, &qfa_rank_update_avx512vnni};
#elif defined(__aarch64__)
  constexpr std::array<rank_update_kernel*, levels> kernels{&qfa_rank_update_neon};
#endif
  return kernels[static_cast<std::size_t>(l)];
}

}  // namespace detail
#endif

/// The kernel that programs run unless they choose, as encoders are chosen (sae/any_encoder.hpp).  Throws where
/// QFA_ARCH names what this machine has not.
inline rank_update_kernel* default_rank_update() {
#ifdef QFA_DISPATCH
  return detail::dispatched_rank_update(chosen_level());
#else
  return &subtract_products<best_arch>;
#endif
}

}  // namespace qfa::simd

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_COMPRESS_INVERSE_CHOLESKY_HPP
#define QFA_COMPRESS_INVERSE_CHOLESKY_HPP

#include <Eigen/Cholesky>
#include <algorithm>
#include <cstddef>

#include "qfa/core/blocks.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/simd/dispatch.hpp"

namespace qfa {

/// From H reversed (both its rows and its columns, n of each, column by column, the lower triangle given) the upper
/// triangular U with inv(H) = U^T U, row by row, its lower triangle left as it was.  H is overwritten.  False, and U
/// left as it was, where H is not positive definite in double.
///
/// By Eigen, in double, one thread for the factorization and all for the inverse: the same bits for every number of
/// threads.  The last bits of U depend on the vector width that Eigen is compiled for, and on the machine: Eigen cuts
/// products into blocks by the sizes of caches that it reads at run time.
using inverse_cholesky_kernel = bool(double* reversed, std::size_t n, double* upper);

/// With J the reversal and J H J = L L^T, H = (J L J)(J L J)^T, whose first factor is upper triangular, so that
/// U = inv(J L J) = J inv(L) J.  inv(H) itself is never formed.
inline bool inverse_cholesky(double* reversed, std::size_t n, double* upper) {
  using column_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;
  const auto size = static_cast<Eigen::Index>(n);
  Eigen::Map<column_major> l(reversed, size, size);
  {
    const Eigen::LLT<Eigen::Ref<column_major>> factored(l);  // in place
    if (factored.info() != Eigen::Success) return false;
  }
  constexpr Eigen::Index block = 128;  // columns of inv(L) at a time; by size, so that threads change nothing
  parallel_for(block_count(n, static_cast<std::size_t>(block)), [&](std::size_t b) {
    const Eigen::Index first = static_cast<Eigen::Index>(b) * block;
    const Eigen::Index height = size - first;  // above it inv(L) is zero
    const Eigen::Index width = (std::min)(block, height);
    column_major x = column_major::Identity(height, width);
    l.bottomRightCorner(height, height).triangularView<Eigen::Lower>().solveInPlace(x);
    for (Eigen::Index c = 0; c < width; ++c)
      for (Eigen::Index r = c; r < height; ++r)
        upper[static_cast<std::size_t>((size - 1 - first - r) * size + (size - 1 - first - c))] = x(r, c);
  });
  return true;
}

}  // namespace qfa

#ifdef QFA_DISPATCH
extern "C" {
#if defined(__x86_64__)
qfa::inverse_cholesky_kernel qfa_inverse_cholesky_sse2, qfa_inverse_cholesky_avx2;
#elif defined(__aarch64__)
qfa::inverse_cholesky_kernel qfa_inverse_cholesky_neon;
#endif
}
#endif

namespace qfa {

#ifdef QFA_DISPATCH
namespace detail {

/// Of those that qfa_enable_dispatch put into this program.  All levels with FMA take the one for AVX2: its bits would
/// be others in wider registers.
inline inverse_cholesky_kernel* dispatched_inverse_cholesky(simd::level l) noexcept {
#if defined(__x86_64__)
  return l == simd::level::sse2 ? &qfa_inverse_cholesky_sse2 : &qfa_inverse_cholesky_avx2;
#elif defined(__aarch64__)
  return l == simd::level::neon ? &qfa_inverse_cholesky_neon : nullptr;
#endif
}

}  // namespace detail
#endif

/// The one that programs run unless they choose, as encoders are chosen (sae/any_encoder.hpp).  Throws where QFA_ARCH
/// names what this machine has not.
inline inverse_cholesky_kernel* default_inverse_cholesky() {
#ifdef QFA_DISPATCH
  return detail::dispatched_inverse_cholesky(simd::chosen_level());
#else
  return &inverse_cholesky;
#endif
}

}  // namespace qfa

#endif

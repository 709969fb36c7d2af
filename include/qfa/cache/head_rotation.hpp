// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_HEAD_ROTATION_HPP
#define QFA_CACHE_HEAD_ROTATION_HPP

#include <cstddef>
#include <cstdint>
#include <string>

#include "qfa/cache/arrivals.hpp"
#include "qfa/cache/policy.hpp"
#include "qfa/compress/hadamard.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// Lets `body(heads)` work on keys or values whose heads' vectors are rotated, and rotates back: R = diag(signs) H, H
/// Sylvester's orthonormal matrix in every block of `size` columns of a head (a power of two that divides head_dim; 0:
/// no rotation), the signs drawn from `seed` (0: none), the same for all heads and tokens.  `x` (tokens, width) is
/// rotated in place; `heads` is its view with a row for each head.
///
/// Deployed, the cache keeps what is rotated, queries are rotated as well, and attention's output is rotated back.  The
/// way back here does the same: for orthogonal R, q (k' R^T)^T = (q R) k'^T, and sum p (v' R^T) = (sum p v') R^T.  A
/// number comes back with two roundings to float (see unfold_rotation).  Throws where `size` does not divide head_dim.
template <class Body>
void in_rotated_heads(matrix_view<float> x, std::size_t size, std::uint64_t seed, const cache_info& info, Body body) {
  const matrix_view<float> heads = head_rows(x, info);
  if (size == 0) return body(heads);
  if (info.head_dim % size != 0)
    fail("blocks of " + std::to_string(size) + " columns do not divide the " + std::to_string(info.head_dim) +
         " of a head in layer " + std::to_string(info.layer));
  const hadamard_rotation rotation{.size = size, .seed = seed};
  fold_rotation(rotation, heads);
  body(heads);
  unfold_rotation(rotation, heads);
}

}  // namespace qfa

#endif

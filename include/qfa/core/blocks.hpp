// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_BLOCKS_HPP
#define QFA_CORE_BLOCKS_HPP

#include <cstddef>

namespace qfa {

/// How many blocks of `size`, at least 1, cover n things; the last may be shorter.  (n + size - 1) / size would wrap
/// around for a size that means "all of them".
constexpr std::size_t block_count(std::size_t n, std::size_t size) noexcept {
  return n / size + (n % size != 0 ? 1 : 0);
}

}  // namespace qfa

#endif

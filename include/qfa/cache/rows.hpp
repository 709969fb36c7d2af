// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_ROWS_HPP
#define QFA_CACHE_ROWS_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

namespace qfa {

/// The rows one after the other: what a policy works on until it knows that nothing is refused.
inline std::vector<float> copied_rows(matrix_view<const float> x) {
  std::vector<float> rows;
  rows.reserve(x.size());
  for (std::size_t r = 0; r < x.rows(); ++r)
    rows.insert(rows.end(), x.row(r).begin(), x.row(r).end());
  return rows;
}

/// Writes such a copy back.  Throws where it is of another size.
inline void write_rows(std::span<const float> rows, matrix_view<float> to) {
  require(rows.size() == to.size(), "a copy of rows goes back to as many");
  for (std::size_t r = 0; r < to.rows(); ++r)
    std::ranges::copy(rows.subspan(r * to.columns(), to.columns()), to.row(r).begin());
}

}  // namespace qfa

#endif

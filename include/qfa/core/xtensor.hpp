// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CORE_XTENSOR_HPP
#define QFA_CORE_XTENSOR_HPP

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"

// xtensor moved its headers into folders in 0.26 and left nothing behind.
#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xtensor.hpp>
#else
#include <xtensor/xtensor.hpp>
#endif

namespace qfa {

/// A two-dimensional xtensor container, or a view of its rows, as rows that qfa can work on, without a copy.  Throws
/// unless it has two dimensions, contiguous rows (row-major) and rows in ascending order.
template <class Container>
  requires requires(Container& c) {
    c.dimension();
    c.strides();
    c.data();
    c.data_offset();
  }
auto as_matrix(Container& c) {
  require(c.dimension() == 2, "as_matrix takes a tensor of two dimensions");
  const auto rows = static_cast<std::size_t>(c.shape()[0]);
  const auto columns = static_cast<std::size_t>(c.shape()[1]);
  // xtensor gives a dimension of length one the stride 0.
  require(columns <= 1 || c.strides()[1] == 1, "as_matrix takes a row-major tensor: its rows must be contiguous");
  require(rows <= 1 || c.strides()[0] >= 0, "as_matrix takes rows in ascending order, not a reversed view");
  const std::size_t stride = rows <= 1 ? columns : static_cast<std::size_t>(c.strides()[0]);
  // A view's data() is its container's: where the view begins is told apart.
  return matrix_view(c.data() + c.data_offset(), rows, columns, stride);
}

/// A copy of a view as an xtensor.
template <class T>
auto to_xtensor(matrix_view<T> m) {
  xt::xtensor<typename matrix_view<T>::value_type, 2> out(
      typename xt::xtensor<typename matrix_view<T>::value_type, 2>::shape_type{m.rows(), m.columns()});
  for (std::size_t r = 0; r < m.rows(); ++r)
    for (std::size_t c = 0; c < m.columns(); ++c) out(r, c) = m(r, c);
  return out;
}

}  // namespace qfa

#endif

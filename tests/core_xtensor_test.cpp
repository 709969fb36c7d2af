// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/xtensor.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

// As in the header: xtensor moved its files in 0.26.
#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xview.hpp>
#endif

namespace core_xtensor_test {

namespace {

using matrix = xt::xtensor<float, 2>;

matrix counted(std::size_t rows, std::size_t columns) {
  matrix m(matrix::shape_type{rows, columns});
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) m(r, c) = static_cast<float>(columns * r + c);
  return m;
}

template <class View, class Tensor>
void check_same(const View& view, const Tensor& tensor) {
  REQUIRE(view.rows() == tensor.shape()[0]);
  REQUIRE(view.columns() == tensor.shape()[1]);
  for (std::size_t r = 0; r < view.rows(); ++r)
    for (std::size_t c = 0; c < view.columns(); ++c) {
      CAPTURE(r);
      CAPTURE(c);
      CHECK(view(r, c) == tensor(r, c));
    }
}

}  // namespace

TEST_CASE("xtensor: as_matrix sees every shape without a copy") {
  for (std::size_t rows : {std::size_t{0}, std::size_t{1}, std::size_t{3}})
    for (std::size_t columns : {std::size_t{1}, std::size_t{4}}) {
      CAPTURE(rows);
      CAPTURE(columns);
      matrix m = counted(rows, columns);
      const auto view = qfa::as_matrix(m);
      static_assert(std::is_same_v<decltype(view), const qfa::matrix_view<float>>);
      check_same(view, m);
      CHECK(view.contiguous());
      CHECK(view.row_stride() == columns);  // xtensor says 0 where there is one row
      if (rows > 0) CHECK(view.row(0).data() == m.data());
    }
}

TEST_CASE("xtensor: a const tensor gives a const view") {
  const matrix m = counted(2, 3);
  const auto view = qfa::as_matrix(m);
  static_assert(std::is_same_v<decltype(view), const qfa::matrix_view<const float>>);
  check_same(view, m);
}

TEST_CASE("xtensor: writing through as_matrix changes the tensor") {
  matrix m = counted(2, 3);
  qfa::as_matrix(m)(1, 2) = 42.0f;
  CHECK(m(1, 2) == 42.0f);
}

TEST_CASE("xtensor: a view of some rows or columns begins where it begins") {
  matrix m = counted(5, 4);
  auto rows = xt::view(m, xt::range(1, 4), xt::all());
  check_same(qfa::as_matrix(rows), rows);
  auto columns = xt::view(m, xt::all(), xt::range(2, 4));
  check_same(qfa::as_matrix(columns), columns);
  auto every_second = xt::view(m, xt::range(1, 5, 2), xt::all());
  check_same(qfa::as_matrix(every_second), every_second);
}

TEST_CASE("xtensor: arrays of run-time dimension and adapted memory are taken too") {
  xt::xarray<double> a = xt::xarray<double>::from_shape({2, 2});
  a(0, 0) = 1.0, a(0, 1) = 2.0, a(1, 0) = 3.0, a(1, 1) = 4.0;
  check_same(qfa::as_matrix(a), a);
  std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  auto adapted = xt::adapt(numbers, std::array<std::size_t, 2>{3, 2});
  check_same(qfa::as_matrix(adapted), adapted);
}

TEST_CASE("xtensor: as_matrix refuses what has no contiguous rows") {
  xt::xarray<float> line = xt::xarray<float>::from_shape({6});
  CHECK_THROWS_WITH_AS(qfa::as_matrix(line), "as_matrix takes a tensor of two dimensions", qfa::error);
  xt::xtensor<float, 2, xt::layout_type::column_major> columns(std::array<std::size_t, 2>{3, 2});
  CHECK_THROWS_WITH_AS(qfa::as_matrix(columns), "as_matrix takes a row-major tensor: its rows must be contiguous",
                       qfa::error);
  matrix m = counted(4, 4);
  auto skipping = xt::view(m, xt::all(), xt::range(0, 4, 2));
  CHECK_THROWS_AS(qfa::as_matrix(skipping), qfa::error);
  auto reversed = xt::view(m, xt::range(3, 0, -1), xt::all());
  CHECK_THROWS_WITH_AS(qfa::as_matrix(reversed), "as_matrix takes rows in ascending order, not a reversed view",
                       qfa::error);
}

TEST_CASE("xtensor: to_xtensor copies, blocks and all") {
  std::vector<float> numbers(24);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  const qfa::matrix_view<const float> blocks(numbers.data(), 4, 3, 3, 2, 12);
  const auto copy = qfa::to_xtensor(blocks);
  check_same(blocks, copy);
  CHECK(copy(2, 0) == 12.0f);
  numbers[0] = -1.0f;
  CHECK(copy(0, 0) == 0.0f);
}

}  // namespace core_xtensor_test

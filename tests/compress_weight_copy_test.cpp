// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/weight_copy.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_weight_copy_test {

TEST_CASE("weight_copy: a view in strides and blocks is copied row by row, and written back to where it was") {
  // Blocks of one row, 7 elements apart, of two columns.
  std::vector<float> fused{1, 2, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 5, 6};
  const qfa::matrix_view<float> part(fused.data(), 3, 2, 2, 1, 7);
  qfa::weight_copy copy(part);
  CHECK(std::vector<float>(copy.values().begin(), copy.values().end()) == std::vector<float>{1, 2, 3, 4, 5, 6});
  for (float& x : copy.values())
    x += 10.0f;
  CHECK(fused[0] == 1.0f);
  copy.write_to(part);
  CHECK(fused == std::vector<float>{11, 12, 0, 0, 0, 0, 0, 13, 14, 0, 0, 0, 0, 0, 15, 16});
}

TEST_CASE("weight_copy: copies are independent, and empty matrices no trouble") {
  qfa_test::matrix m = qfa_test::random_matrix(3, 5);
  qfa::weight_copy one(m.view());
  qfa::weight_copy other = one;
  other.view()(2, 4) += 1.0f;
  CHECK(one.view()(2, 4) == m.view()(2, 4));
  CHECK(one.view().rows() == 3);
  CHECK(one.view().columns() == 5);
  CHECK(std::as_const(one).view().rows() == 3);
  CHECK(std::as_const(one).view().columns() == 5);
  CHECK(qfa::weight_copy(qfa::matrix_view<const float>{}).values().empty());
}

TEST_CASE("weight_copy: it does not go back to another shape") {
  const qfa_test::matrix m = qfa_test::random_matrix(3, 5);
  const std::vector<std::pair<std::size_t, std::size_t>> shapes{{5, 3}, {3, 4}, {3, 6}, {2, 5}, {4, 5}};
  for (const auto& shape : shapes) {
    CAPTURE(shape.first);
    CAPTURE(shape.second);
    qfa_test::matrix other = qfa_test::random_matrix(shape.first, shape.second);
    const std::vector<float> before = other.values;
    qfa_test::check_refused([&] { qfa::weight_copy(m.view()).write_to(other.view()); }, {"its own shape"});
    CHECK(other.values == before);
  }
}

}  // namespace compress_weight_copy_test

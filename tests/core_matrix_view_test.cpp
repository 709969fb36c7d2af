// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/matrix_view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <numeric>
#include <type_traits>
#include <vector>

namespace core_matrix_view_test {

using qfa::matrix_view;

namespace {

// Copying is what a view is for; a conversion written as a plain constructor would delete it.
static_assert(std::is_trivially_copyable_v<matrix_view<float>>);
static_assert(std::is_trivially_copyable_v<matrix_view<const float>>);
static_assert(std::is_convertible_v<matrix_view<float>, matrix_view<const float>>);
static_assert(!std::is_convertible_v<matrix_view<const float>, matrix_view<float>>);
static_assert(!std::is_convertible_v<matrix_view<float>, matrix_view<const double>>);
static_assert(std::is_same_v<matrix_view<const float>::value_type, float>);

constexpr float corner_of_constant() {
  std::array<float, 6> numbers{0, 1, 2, 3, 4, 5};
  const matrix_view<float> m(numbers.data(), 2, 3);
  m(1, 2) = 7.0f;
  return m.row(1)[2];
}
static_assert(corner_of_constant() == 7.0f);

std::vector<float> counted(std::size_t n) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

}  // namespace

TEST_CASE("matrix_view: the default is empty and has no rows to ask for") {
  const matrix_view<float> m;
  CHECK(m.rows() == 0);
  CHECK(m.columns() == 0);
  CHECK(m.size() == 0);
  CHECK(m.empty());
  CHECK(m.contiguous());
}

TEST_CASE("matrix_view: plain rows follow each other") {
  auto numbers = counted(12);
  const matrix_view<float> m(numbers.data(), 3, 4);
  CHECK(m.size() == 12);
  CHECK_FALSE(m.empty());
  CHECK(m.contiguous());
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 4; ++c) CHECK(m(r, c) == static_cast<float>(4 * r + c));
  CHECK(m.row(2).size() == 4);
  CHECK(m.row(2).data() == numbers.data() + 8);
}

TEST_CASE("matrix_view: a stride skips what lies between the rows") {
  auto numbers = counted(15);
  const matrix_view<float> m(numbers.data() + 1, 3, 2, 5);
  CHECK(m.row_stride() == 5);
  CHECK_FALSE(m.contiguous());
  CHECK(m(0, 0) == 1.0f);
  CHECK(m(0, 1) == 2.0f);
  CHECK(m(1, 0) == 6.0f);
  CHECK(m(2, 1) == 12.0f);
}

TEST_CASE("matrix_view: blocks pick the query rows of a fused tensor") {
  // Two heads, each of two query, two key and two value rows of three columns.
  auto numbers = counted(2 * 6 * 3);
  const std::size_t head_dim = 2;
  for (std::size_t part = 0; part < 3; ++part) {
    CAPTURE(part);
    const matrix_view<float> m(numbers.data() + part * head_dim * 3, 4, 3, 3, head_dim, 3 * head_dim * 3);
    CHECK_FALSE(m.contiguous());
    for (std::size_t r = 0; r < 4; ++r) {
      CAPTURE(r);
      const std::size_t stored_row = (r / head_dim) * 3 * head_dim + part * head_dim + r % head_dim;
      for (std::size_t c = 0; c < 3; ++c) CHECK(m(r, c) == static_cast<float>(3 * stored_row + c));
    }
  }
}

TEST_CASE("matrix_view: writing through a view changes the owner's numbers and no others") {
  auto numbers = counted(12);
  const matrix_view<float> m(numbers.data(), 2, 2, 3, 1, 6);
  for (std::size_t r = 0; r < m.rows(); ++r)
    for (float& x : m.row(r)) x = -1.0f;
  CHECK(numbers == std::vector<float>{-1, -1, 2, 3, 4, 5, -1, -1, 8, 9, 10, 11});
}

TEST_CASE("matrix_view: contiguous tells blocks that touch from blocks that do not") {
  auto numbers = counted(24);
  float* p = numbers.data();
  CHECK(matrix_view<float>(p, 4, 3, 3, 2, 6).contiguous());
  CHECK_FALSE(matrix_view<float>(p, 4, 3, 3, 2, 7).contiguous());
  CHECK(matrix_view<float>(p, 2, 3, 3, 2, 99).contiguous());  // a single block has no gap behind it
  CHECK_FALSE(matrix_view<float>(p, 3, 3, 3, 2, 99).contiguous());
  CHECK(matrix_view<float>(p, 1, 3, 99).contiguous());  // neither has a single row
  CHECK_FALSE(matrix_view<float>(p, 2, 3, 4).contiguous());
}

TEST_CASE("matrix_view: rows_between is the rows first up to last, last excluded") {
  auto numbers = counted(20);
  const matrix_view<float> m(numbers.data(), 5, 3, 4);
  for (std::size_t first = 0; first <= 5; ++first)
    for (std::size_t last = first; last <= 5; ++last) {
      CAPTURE(first);
      CAPTURE(last);
      const auto part = m.rows_between(first, last);
      REQUIRE(part.rows() == last - first);
      CHECK(part.columns() == 3);
      for (std::size_t r = first; r < last; ++r) {
        CHECK(part.row(r - first).data() == m.row(r).data());
        CHECK(part.row(r - first).size() == 3);
      }
    }
}

TEST_CASE("matrix_view: rows_between cuts blocks at their beginnings") {
  auto numbers = counted(60);
  const matrix_view<float> m(numbers.data(), 7, 3, 4, 2, 15);  // the last block is ragged
  for (std::size_t first = 0; first <= 6; first += 2)
    for (std::size_t last = first; last <= 7; ++last) {
      CAPTURE(first);
      CAPTURE(last);
      const auto part = m.rows_between(first, last);
      REQUIRE(part.rows() == last - first);
      for (std::size_t r = first; r < last; ++r) CHECK(part.row(r - first).data() == m.row(r).data());
    }
}

TEST_CASE("matrix_view: the const view sees the same rows") {
  auto numbers = counted(60);
  const matrix_view<float> m(numbers.data(), 7, 3, 4, 2, 15);
  const matrix_view<const float> seen = m;
  REQUIRE(seen.rows() == 7);
  REQUIRE(seen.columns() == 3);
  for (std::size_t r = 0; r < 7; ++r) CHECK(seen.row(r).data() == m.row(r).data());
}

}  // namespace core_matrix_view_test

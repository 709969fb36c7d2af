// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/quanto_groups.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_quanto_groups_test {

using floats = std::vector<float>;
using qfa::quanto_axis;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::same_bits;

namespace {

floats rounded(floats x, int bits) {
  qfa::round_quanto_group(x, bits);
  return x;
}

}  // namespace

TEST_CASE("round_quanto_group: known values, ties to even and a shift that is no code") {
  CHECK(rounded({-1.5f, 1.5f, 0.0f, 0.25f}, 2) == floats{-1.5f, 1.5f, 0.5f, 0.5f});
  CHECK(rounded({0.5f, 15.5f, 1.0f, 2.0f, 3.0f, 2.01f}, 4) == floats{0.5f, 15.5f, 0.5f, 2.5f, 2.5f, 2.5f});
  CHECK(rounded({3.25f, 3.25f}, 4) == floats{3.25f, 3.25f});
  CHECK(rounded({-7.0f}, 2) == floats{-7.0f});
  CHECK(rounded({0.0f, 1e-45f}, 4) == floats{0.0f, 0.0f});  // the step is below the smallest float
}

TEST_CASE("round_quanto_groups: groups along rows, or down a column, and every number in one of them") {
  const matrix m = random_matrix(10, 6);
  matrix along = m;
  qfa::round_quanto_groups(along.view(), 2, quanto_axis::first, 8);
  for (std::size_t first = 0; first < 60; first += 8) {
    const std::size_t n = std::min<std::size_t>(8, 60 - first);
    const auto begin = m.values.begin() + static_cast<std::ptrdiff_t>(first);
    const floats expected = rounded(floats(begin, begin + static_cast<std::ptrdiff_t>(n)), 2);
    CHECK(same_bits(std::span(along.values).subspan(first, n), expected));
  }
  matrix down = m;
  qfa::round_quanto_groups(down.view(), 2, quanto_axis::last, 4);
  for (std::size_t c = 0; c < 6; ++c)
    for (std::size_t first = 0; first < 10; first += 4) {
      floats column, found;
      for (std::size_t r = first; r < std::min<std::size_t>(10, first + 4); ++r) {
        column.push_back(m.view()(r, c));
        found.push_back(down.view()(r, c));
      }
      CHECK(same_bits(found, rounded(column, 2)));
    }
  CHECK(qfa::quanto_group_count(10, 6, quanto_axis::first, 8) == 8);
  CHECK(qfa::quanto_group_count(10, 6, quanto_axis::last, 4) == 18);
}

}  // namespace cache_quanto_groups_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/float_blocks.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_float_blocks_test {

using qfa_test::matrix;

TEST_CASE("roundable_row_peaks: a quarter of the largest float is the last that is taken") {
  constexpr float most = std::numeric_limits<float>::max() / 4.0f;
  const matrix fine = qfa_test::row_matrix({1.0f, -most});
  CHECK(qfa::roundable_row_peaks(fine.view(), {}) == std::vector<float>{most});
  const matrix beyond = qfa_test::row_matrix({std::nextafter(most, 2.0f * most)});
  qfa_test::check_refused([&] { qfa::roundable_row_peaks(beyond.view(), {.name = "w"}); },
                          {"row 0", "\"w\"", "a quarter of the largest float"});
}

TEST_CASE("reciprocal_or_zero: finite for every float") {
  CHECK(qfa::reciprocal_or_zero(4.0f) == 0.25f);
  CHECK(qfa::reciprocal_or_zero(0.0f) == 0.0f);
  CHECK(qfa::reciprocal_or_zero(0x1p-128f) == 0.0f);
  const float least = std::nextafter(0x1p-128f, 1.0f);
  CHECK(qfa::reciprocal_or_zero(least) > 3.4e38f);
  CHECK(std::isfinite(qfa::reciprocal_or_zero(least)));
}

TEST_CASE("for_each_row_block: every weight is in exactly one block, and none crosses a row") {
  for (std::size_t columns = 1; columns <= 20; ++columns)
    for (std::size_t size = 1; size <= columns + 2; ++size) {
      CAPTURE(columns);
      CAPTURE(size);
      matrix m{3, columns, std::vector<float>(3 * columns, 0.0f)};
      qfa::for_each_row_block(m.view(), size, [](std::span<float> members) {
        for (std::size_t i = 0; i < members.size(); ++i)
          members[i] += 1.0f + static_cast<float>(i);
      });
      for (std::size_t i = 0; i < m.values.size(); ++i)
        CHECK(m.values[i] == 1.0f + static_cast<float>(i % columns % size));
    }
}

TEST_CASE("for_each_flat_block: blocks run on from row to row, in views with strides as well") {
  for (std::size_t columns = 1; columns <= 11; ++columns)
    for (std::size_t size = 1; size <= 35; ++size) {
      CAPTURE(columns);
      CAPTURE(size);
      constexpr std::size_t rows = 5, stride = 13;
      std::vector<float> all(rows * stride, 0.0f);
      const qfa::matrix_view<float> view(all.data(), rows, columns, stride);
      qfa::for_each_flat_block(view, size, [&](std::size_t b, std::span<float> members) {
        CHECK(members.size() == std::min(size, rows * columns - b * size));
        for (std::size_t i = 0; i < members.size(); ++i)
          members[i] += 1.0f + static_cast<float>(b * size + i);
      });
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t r = i / stride, c = i % stride;
        if (all[i] != (c < columns ? 1.0f + static_cast<float>(r * columns + c) : 0.0f)) FAIL_CHECK(r, " ", c);
      }
    }
}

}  // namespace compress_float_blocks_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/packed_rows.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "simd_archs.hpp"

namespace simd_packed_rows_test {

using qfa::matrix_view;
using qfa_test::random_floats;
namespace simd = qfa::simd;

TEST_CASE_TEMPLATE("packed_rows: holds every element in tiles as few and as even as may be", Arch, QFA_TEST_ARCHS) {
  constexpr std::size_t most = simd::tile_shape<Arch>::rows;
  const std::size_t depth = 5;
  for (std::size_t rows = 0; rows <= 3 * most + 1; ++rows) {
    CAPTURE(rows);
    const auto x = random_floats(rows * depth, 3);
    const simd::packed_rows<Arch> packed(matrix_view<const float>(x.data(), rows, depth));
    REQUIRE(packed.rows() == rows);
    CHECK(packed.depth() == depth);
    REQUIRE(packed.tiles() == (rows + most - 1) / most);
    std::size_t next = 0, wrong = 0;
    for (std::size_t t = 0; t < packed.tiles(); ++t) {
      CHECK(packed.first_row(t) == next);
      const std::size_t count = packed.rows_of(t);
      CHECK(count <= most);
      CHECK(count >= rows / packed.tiles());  // even
      for (std::size_t k = 0; k < depth; ++k)
        for (std::size_t r = 0; r < count; ++r) {
          wrong += packed.tile(t)[k * count + r] == x[(next + r) * depth + k] ? 0u : 1u;
          wrong += packed(next + r, k) == x[(next + r) * depth + k] ? 0u : 1u;
        }
      next += count;
    }
    CHECK(next == rows);
    CHECK(wrong == 0);
  }
}

TEST_CASE("packed_rows: takes rows from views in blocks, and from wherever they are") {
  const auto x = random_floats(200, 4);
  const matrix_view<const float> blocks(x.data(), 15, 6, 8, 5, 7 * 8);
  const simd::packed_rows<> packed(blocks);
  simd::packed_rows<> backwards;
  backwards.pack(15, 6, [&](std::size_t r) { return blocks.row(14 - r).data(); });
  for (std::size_t r = 0; r < 15; ++r)
    for (std::size_t k = 0; k < 6; ++k) {
      CHECK(packed(r, k) == blocks(r, k));
      CHECK(backwards(14 - r, k) == blocks(r, k));
    }
}

TEST_CASE("packed_rows: what is packed later takes the place of what was, in the same memory where it fits") {
  const auto x = random_floats(40 * 9, 5);
  simd::packed_rows<> packed(matrix_view<const float>(x.data(), 20, 9));
  const float* const memory = packed.tile(0);
  CHECK(reinterpret_cast<std::uintptr_t>(memory) % simd::alignment == 0);
  packed.pack(matrix_view<const float>(x.data() + 1, 9, 20));
  CHECK(packed.tile(0) == memory);
  CHECK(packed.depth() == 20);
  CHECK(packed(8, 19) == x[1 + 8 * 20 + 19]);
  packed.pack(matrix_view<const float>(x.data(), 40, 9));
  CHECK(packed(39, 8) == x[39 * 9 + 8]);
  CHECK(packed(0, 0) == x[0]);
  packed.pack(matrix_view<const float>(x.data(), 0, 9));
  CHECK(packed.tiles() == 0);
}

}  // namespace simd_packed_rows_test

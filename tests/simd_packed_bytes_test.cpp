// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/packed_bytes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace simd_packed_bytes_test {

using namespace qfa::simd;

namespace {

/// Holds the kernels to the sums of q p, for every number of rows, a depth that is no multiple of four, and a last
/// panel that is not full.
template <class Dot>
void check_products() {
  const std::size_t depth = 23, columns = 45;
  std::mt19937 bits(2);
  const auto byte = [&] { return static_cast<int>(bits() % 255) - 127; };
  packed_bytes b(depth, columns);
  std::vector<int> q(byte_tile_rows * depth), p(depth * columns);
  for (int& v : q)
    v = byte();
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t j = 0; j < columns; ++j) {
      b.set(k, j, 99);  // what is set last counts
      b.set(k, j, static_cast<std::int8_t>(p[k * columns + j] = byte()));
    }
  CHECK(b.panels() == 2);
  CHECK(b.quads() == 6);
  for (std::size_t rows = 1; rows <= byte_tile_rows; ++rows) {
    std::vector<std::uint8_t> x(4 * b.quads() * rows, 200);  // beyond the depth the weights are zero
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t k = 0; k < depth; ++k)
        x[k / 4 * 4 * rows + 4 * r + k % 4] = static_cast<std::uint8_t>(q[r * depth + k] + 128);
    for (std::size_t panel = 0; panel < 2; ++panel) {
      alignas(alignment) float out[byte_tile_rows * packed_bytes::panel_width];
      byte_tile_kernels<Dot>[rows - 1](x.data(), b.panel(panel), b.starts(panel), b.quads(), out);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < packed_bytes::panel_width; ++c) {
          const std::size_t j = panel * packed_bytes::panel_width + c;
          int expected = 0;
          for (std::size_t k = 0; j < columns && k < depth; ++k)
            expected += q[r * depth + k] * p[k * columns + j];
          CHECK(out[r * packed_bytes::panel_width + c] == static_cast<float>(expected));
        }
    }
  }
}

}  // namespace

TEST_CASE("packed_bytes: a left factor of q + 128 counts as q") {
  check_products<portable_bytes>();
#if QFA_SIMD_HAS_VNNI
  check_products<vnni_bytes>();
#endif
}

}  // namespace simd_packed_bytes_test

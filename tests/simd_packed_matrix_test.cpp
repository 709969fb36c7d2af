// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/packed_matrix.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "simd_archs.hpp"

namespace simd_packed_matrix_test {

using qfa::matrix_view;
using qfa_test::random_floats;
namespace simd = qfa::simd;

TEST_CASE_TEMPLATE("pack: holds every element, and zeros behind the last column", Arch, QFA_TEST_ARCHS) {
  const std::size_t k = 67, n = simd::packed_matrix<Arch>::panel_width + 3;
  const auto b = random_floats(k * n, 4);
  const auto packed = simd::pack<Arch>(matrix_view<const float>(b.data(), k, n));
  REQUIRE(packed.depth() == k);
  REQUIRE(packed.columns() == n);
  REQUIRE(packed.panels() == 2);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      wrong += packed(i, j) == b[i * n + j] ? 0u : 1u;
    for (std::size_t j = 3; j < packed.panel_width; ++j)
      wrong += packed.panel(1)[i * packed.panel_width + j] == 0.0f ? 0u : 1u;
  }
  CHECK(wrong == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(packed.panel(0)) % simd::alignment == 0);
}

TEST_CASE_TEMPLATE("pack_transposed: is pack of the transpose, for views in blocks too", Arch, QFA_TEST_ARCHS) {
  // Rows in blocks of 5, each 9 rows apart, of stride 80: what a fused tensor's part looks like.
  const std::size_t n = 40, k = 77, stride = 80;
  const auto w = random_floats(8 * 9 * stride, 5);
  const matrix_view<const float> view(w.data(), n, k, stride, 5, 9 * stride);
  const auto packed = simd::pack_transposed<Arch>(view);
  REQUIRE(packed.depth() == k);
  REQUIRE(packed.columns() == n);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < n; ++j)
      wrong += packed(i, j) == view(j, i) ? 0u : 1u;
  CHECK(wrong == 0);
}

TEST_CASE("packed_matrix: an empty one has no panels") {
  const simd::packed_matrix<> nothing;
  CHECK(nothing.panels() == 0);
  CHECK(simd::pack(matrix_view<const float>(nullptr, 5, 0)).panels() == 0);
  CHECK(simd::pack_transposed(matrix_view<const float>(nullptr, 0, 5)).panels() == 0);
  CHECK(simd::pack_transposed(matrix_view<const float>(nullptr, 0, 5)).depth() == 5);
}

}  // namespace simd_packed_matrix_test

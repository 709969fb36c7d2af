// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/rank_update.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "simd_archs.hpp"

namespace simd_rank_update_test {

namespace simd = qfa::simd;

namespace {

std::vector<double> thirds(std::size_t count, unsigned seed) {
  const std::vector<float> xs = qfa_test::random_floats(count, seed);
  std::vector<double> out(xs.begin(), xs.end());
  for (double& x : out)
    x /= 3.0;  // so that products do not fit a double, and rounding them first shows
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("subtract_products: the bits of its scalar twin, on sets without FMA too", Arch, QFA_TEST_ARCHS) {
  for (const std::size_t rows : {0U, 1U, 7U, 8U, 17U})
    for (const std::size_t terms : {0U, 1U, 5U, 128U})
      for (const std::size_t columns : {0U, 1U, 7U, 8U, 29U, 67U}) {
        CAPTURE(rows);
        CAPTURE(terms);
        CAPTURE(columns);
        const std::size_t stride = columns + 3;
        const std::vector<double> e = thirds(rows * (terms + 1), 1), u = thirds(terms * stride, 2);
        std::vector<double> expected = thirds(rows * stride, 3), got = expected;
        simd::ref::subtract_products({expected.data(), stride}, {e.data(), terms + 1}, {u.data(), stride}, rows, terms,
                                     columns);
        simd::subtract_products<Arch>({got.data(), stride}, {e.data(), terms + 1}, {u.data(), stride}, rows, terms,
                                      columns);
        CHECK(got == expected);
      }
}

TEST_CASE("subtract_products: products are rounded, and taken off one after the other") {
  const double a = 1.0 + 0x1p-30;  // a^2 = 1 + 2^-29 + 2^-60, the last of which a double loses
  std::vector<double> w{1.0, 0x1p60, 0.0}, e{a, 0x1p60, 1.0}, u{a, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.5, 2.0};
  simd::subtract_products<>({w.data(), 3}, {e.data(), 3}, {u.data(), 3}, 1, 3, 3);
  CHECK(w == std::vector<double>{-0x1p-29, -0.5, -2.0});
}

}  // namespace simd_rank_update_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/gram.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "simd_archs.hpp"

namespace simd_gram_test {

namespace simd = qfa::simd;

namespace {

constexpr std::size_t side = simd::gram_side;

std::vector<double> floats_as_doubles(std::size_t count, unsigned seed) {
  const std::vector<float> xs = qfa_test::random_floats(count, seed);
  return {xs.begin(), xs.end()};
}

}  // namespace

TEST_CASE_TEMPLATE("add_gram_tile: the bits of its scalar twin, on sets without FMA too", Arch, QFA_TEST_ARCHS) {
  for (const std::size_t tokens : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{300}}) {
    CAPTURE(tokens);
    std::vector<double> a = floats_as_doubles(tokens * side, 1), b = floats_as_doubles(tokens * side, 2);
    if (tokens > 2) {  // the smallest product that there is, and the largest
      a[side + 3] = b[side + 5] = std::ldexp(1.0, -149);
      a[2 * side + 9] = b[2 * side + 15] = 3.4028234663852886e38;
    }
    std::vector<double> expected = floats_as_doubles(side * side, 3);
    for (double& x : expected)
      x /= 3.0;  // sums go on from any double
    std::vector<double> tile = expected;
    simd::ref::add_gram_tile(a.data(), b.data(), tokens, expected.data());
    simd::add_gram_tile<Arch>(a.data(), b.data(), tokens, tile.data());
    CHECK(tile == expected);
  }
}

TEST_CASE("add_gram_tile: products are added token by token") {
  std::vector<double> a(3 * side, 1.0), b(3 * side, 0.0), tile(side * side, 1.0);
  b[4] = 0x1p60, b[side + 4] = -0x1p60, b[2 * side + 4] = 0.5;
  simd::add_gram_tile<>(a.data(), b.data(), 3, tile.data());
  for (std::size_t i = 0; i < side; ++i)
    for (std::size_t j = 0; j < side; ++j)
      CHECK(tile[i * side + j] == (j == 4 ? 0.5 : 1.0));  // the 1 is lost beside 2^60, the last product is not
}

}  // namespace simd_gram_test

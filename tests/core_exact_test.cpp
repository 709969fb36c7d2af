// SPDX-License-Identifier: Apache-2.0
#include "qfa/core/exact.hpp"

#include <cmath>

#include <doctest/doctest.h>

using qfa::rounded_product;

TEST_CASE("rounded_product: a sum that follows sees the rounded product, and not the exact one") {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last term the product loses and a fused multiply-add would keep.
  volatile float a = 1.0f + 1.0f / 4096.0f;
  volatile float b = -(1.0f + 1.0f / 2048.0f);
  CHECK(std::fma(a, a, b) == 1.0f / 16777216.0f);
  CHECK(rounded_product(a, a) + b == 0.0f);
  volatile double c = 1.0 + std::ldexp(1.0, -27);
  volatile double d = -(1.0 + std::ldexp(1.0, -26));
  CHECK(std::fma(c, c, d) == std::ldexp(1.0, -54));
  CHECK(rounded_product<double>(c, c) + d == 0.0);
}

TEST_CASE("rounded_product: it is the product, at compile time too") {
  static_assert(rounded_product(1.5f, -3.0f) == -4.5f && rounded_product(0.1, 10.0) == 1.0);
  volatile float a = 7.25f;
  CHECK(rounded_product(a, 4.0f) == 29.0f);
}

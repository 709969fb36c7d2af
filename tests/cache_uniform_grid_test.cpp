// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/uniform_grid.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

namespace cache_uniform_grid_test {

using qfa::cache_range;
using qfa::float_format;

namespace {

template <float_format F = float_format::fp32>
std::vector<float> quantized(int bits, cache_range range, std::vector<float> x) {
  const qfa::uniform_grid<F> grid{.bits = bits, .range = range};
  float smallest = x.front(), largest = x.front();
  for (const float value : x) {
    smallest = (std::min)(smallest, qfa::round_to<F>(value));
    largest = (std::max)(largest, qfa::round_to<F>(value));
  }
  const qfa::uniform_step step = grid.step(smallest, largest);
  for (float& value : x)
    value = grid(step, value);
  return x;
}

}  // namespace

TEST_CASE("uniform_grid: symmetric codes run to 2^(bits-1) - 1, ties to even, both signs alike") {
  // s = 7 / 7: 0.5 and 2.5 are ties.
  CHECK(quantized(4, cache_range::symmetric, {7, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -7, 6.6f}) ==
        std::vector<float>{7, 0, 2, 2, 0, -2, -2, -7, 7});
  CHECK(quantized(2, cache_range::symmetric, {-1, 0.4f, 0.6f}) == std::vector<float>{-1, 0, 1});
}

TEST_CASE("uniform_grid: later values beyond the range are clamped, below to one code more") {
  const qfa::uniform_grid<float_format::fp32> grid{.bits = 4, .range = cache_range::symmetric};
  const qfa::uniform_step step = grid.step(-7.0f, 3.0f);
  CHECK(step.scale == 1.0f);
  CHECK(grid(step, 100.0f) == 7.0f);
  CHECK(grid(step, -100.0f) == -8.0f);
  const qfa::uniform_grid<float_format::fp32> from_min{.bits = 2, .range = cache_range::asymmetric};
  const qfa::uniform_step wide = from_min.step(-1.0f, 2.0f);
  CHECK(from_min(wide, 100.0f) == 2.0f);
  CHECK(from_min(wide, -100.0f) == -1.0f);
}

TEST_CASE("uniform_grid: asymmetric codes span min to max, the zero point rounded and clamped") {
  // s = 15 / 15, z = half_even(2.5) = 2: x + z is rounded, not x.
  CHECK(quantized(4, cache_range::asymmetric, {-2.5, 12.5, 0, 0.5, 1.5}) == std::vector<float>{-2, 12, 0, 0, 2});
  // z = 3 is odd: 0.5 + 3 goes to 4, where 0.5 alone would go to 0.
  CHECK(quantized(4, cache_range::asymmetric, {-3, 12, 0.5, 1.5}) == std::vector<float>{-3, 12, 1, 1});
  // min above 0: z would be negative and is clamped to 0, so that the largest codes are lost.
  CHECK(quantized(2, cache_range::asymmetric, {3, 6, 4, 5}) == std::vector<float>{3, 3, 3, 3});
  // max below 0: z would be beyond the highest code.
  CHECK(quantized(2, cache_range::asymmetric, {-3, -6}) == std::vector<float>{-3, -3});
}

TEST_CASE("uniform_grid: the floor of 1e-8 makes of values all alike what was published") {
  const float s = 1e-8f;
  CHECK(quantized(4, cache_range::asymmetric, {1, 1}) == std::vector<float>{15 * s, 15 * s});
  CHECK(quantized(4, cache_range::asymmetric, {-1, -1}) == std::vector<float>{-15 * s, -15 * s});
  CHECK(quantized(4, cache_range::asymmetric, {0, 0}) == std::vector<float>{0, 0});
  CHECK(quantized(4, cache_range::symmetric, {0, 0}) == std::vector<float>{0, 0});
  // absmax 3e-9 counts as 1e-8, of which it is 2.1 codes of 7.
  CHECK(quantized(4, cache_range::symmetric, {3e-9f})[0] == 2.0f * (1e-8f / 7.0f));
}

TEST_CASE("uniform_grid: bfloat16 rounds the quotient before the code") {
  // s = bf16(2 / 255) = 0.0078125 + 2^-15: quotients and sums have 8 bits.
  const float s = qfa::round_to_bf16(2.0f / 255.0f);
  const float z = qfa::half_even(qfa::round_to_bf16(1.0f / s));
  const float code = qfa::half_even(qfa::round_to_bf16(qfa::round_to_bf16(0.30078125f / s) + z));
  CHECK(quantized<float_format::bf16>(8, cache_range::asymmetric, {-1, 1, 0.30078125f})[2] ==
        qfa::round_to_bf16((code - z) * s));
  CHECK(code == 165.0f);
  CHECK(quantized(8, cache_range::asymmetric, {-1, 1, 0.30078125f})[2] == (166.0f - 128.0f) * (2.0f / 255.0f));
}

TEST_CASE("uniform_grid: where fp16 would round a floor to 0 it is the least positive number, and nothing is NaN") {
  const float least = 0x1p-24f;
  for (const float x : {0.0f, 6e-8f, 1.0f, -1.0f}) {
    CAPTURE(x);
    const float sign = x < 0.0f ? -1.0f : 1.0f;
    CHECK(quantized<float_format::fp16>(4, cache_range::asymmetric, {x, x})[0] == (x == 0.0f ? 0.0f
                                                                                   : x == 6e-8f
                                                                                       ? least
                                                                                       : sign * 15.0f * least));
    CHECK(quantized<float_format::fp16>(4, cache_range::symmetric, {x, x})[0] ==
          doctest::Approx(static_cast<double>(x)).epsilon(0.01));
  }
  CHECK(qfa::uniform_grid<float_format::fp16>{.bits = 4}.step(0.0f, 0.0f).scale == least);
  CHECK(qfa::uniform_grid<float_format::fp16>{.bits = 8, .range = cache_range::symmetric}.step(0.0f, least).scale ==
        least);
}

}  // namespace cache_uniform_grid_test

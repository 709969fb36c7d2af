// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/double_quant.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"

namespace compress_double_quant_test {

using qfa_test::number_floats;
using qfa_test::same_bits;

TEST_CASE("dynamic_map: numpy's 256 levels") {
  CHECK(same_bits(qfa::dynamic_map.levels, number_floats("double_quant.map")));
}

TEST_CASE("dynamic_map: ascending, symmetric but for 1, and as fine as its sizes say") {
  const auto& levels = qfa::dynamic_map.levels;
  for (std::size_t i = 1; i < 255; ++i) {
    CHECK(levels[i] > levels[i - 1]);
    CHECK(levels[i - 1] == -levels[255 - i]);
  }
  CHECK(levels[255] == 1.0f);
  // 2^i levels between 10^(i - 7) and 10^(i - 6).
  for (int i = 0; i < 7; ++i) {
    const double high = std::pow(10.0, i - 6);
    CHECK(std::ranges::count_if(levels, [&](float x) {
            const auto v = static_cast<double>(x);
            return v > high / 10.0 && v < high && v < 0.9999;
          }) == 1 << i);
  }
}

TEST_CASE("double_quantize: numpy's scales, in one block and in three with a short last one") {
  for (const std::string prefix : {"nf4.", "fp4."}) {
    std::vector<float> scales = number_floats(prefix + "absmax");
    REQUIRE(scales.size() == 32);
    qfa::double_quantize(scales);
    CHECK(same_bits(scales, number_floats("double_quant.absmax")));
  }
  std::vector<float> many = number_floats("double_quant.long.input");
  REQUIRE(many.size() == 600);
  qfa::double_quantize(many);
  CHECK(same_bits(many, number_floats("double_quant.long.absmax")));
}

TEST_CASE("double_quantize: equal scales stay what they are, and none is no trouble") {
  std::vector<float> equal(300, 0.75f);
  qfa::double_quantize(equal);
  CHECK(equal == std::vector<float>(300, 0.75f));
  std::vector<float> one{0.3f};
  qfa::double_quantize(one);
  CHECK(one.front() == 0.3f);
  qfa::double_quantize({});
}

TEST_CASE("double_quantize: the largest deviation upward stays, and no other moves by more than the map's widest gap") {
  std::vector<float> scales(100);
  for (std::size_t i = 0; i < scales.size(); ++i)
    scales[i] = 1.0f + static_cast<float>(i * i) * 1e-4f;
  const std::vector<float> before = scales;
  const float mean = static_cast<float>([&] {
    double sum = 0.0;
    for (const float s : before)
      sum += static_cast<double>(s);
    return sum / 100.0;
  }());
  qfa::double_quantize(scales);
  CHECK(scales.back() == (before.back() - mean) + mean);
  const float peak = before.back() - mean;
  for (std::size_t i = 0; i < scales.size(); ++i)
    CHECK(std::fabs(scales[i] - before[i]) <= 0.00704f * peak);
}

TEST_CASE("double_quant_bits: a byte each, a float for each 256, and the mean") {
  CHECK(qfa::double_quant_bits(1) == 8 + 32 + 32);
  CHECK(qfa::double_quant_bits(256) == 256 * 8 + 32 + 32);
  CHECK(qfa::double_quant_bits(257) == 257 * 8 + 64 + 32);
}

}  // namespace compress_double_quant_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_iq4_nl.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "ggml_blocks.hpp"

namespace compress_ggml_iq4_nl_test {

namespace ggml = qfa::ggml;

TEST_CASE("nearest_iq4_nl: the nearest level, the upper one halfway between two") {
  for (float x = -140.0f; x <= 140.0f; x += 0.25f) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < 16; ++i)
      if (std::fabs(x - static_cast<float>(ggml::iq4_nl_levels[i])) <=
          std::fabs(x - static_cast<float>(ggml::iq4_nl_levels[best])))
        best = i;
    CAPTURE(x);
    CHECK(ggml::nearest_iq4_nl(x) == best);
  }
}

TEST_CASE("iq4_nl: multiples of the levels are met exactly") {
  std::vector<float> x(32);
  for (std::size_t i = 0; i < 32; ++i)
    x[i] = 0.5f * static_cast<float>(ggml::iq4_nl_levels[(5 * i) % 16]);
  CHECK(qfa_test::round_trip<ggml::iq4_nl>(x) == x);
  for (float& v : x)
    v = -v;  // the peak is then positive and d negative
  CHECK(qfa_test::round_trip<ggml::iq4_nl>(x) == x);
}

TEST_CASE("iq4_nl: d is fitted to the chosen levels, and the codes stay") {
  // By 1 / d = -127 / peak the second element lies at -60, nearest to -65; the fitted scale would put it elsewhere.
  const auto x = qfa_test::row_of(32, {{0, -127.0f}, {1, -60.0f}});
  const auto y = qfa_test::round_trip<ggml::iq4_nl>(x);
  double wvx = 0.0, wvv = 0.0;
  for (const auto& [value, level] : {std::pair{127.0, 127.0}, std::pair{60.0, 65.0}}) {
    wvx += value * value * value * level;
    wvv += value * value * level * level;
  }
  CHECK(y[0] == doctest::Approx(-127.0 * wvx / wvv).epsilon(1e-3));
  CHECK(y[1] == doctest::Approx(-65.0 * wvx / wvv).epsilon(1e-3));
}

TEST_CASE("iq4_nl: zeros come back without a sign") {
  for (const float y : qfa_test::round_trip<ggml::iq4_nl>(std::vector<float>(32, -0.0f)))
    CHECK((y == 0.0f && !std::signbit(y)));
}

}  // namespace compress_ggml_iq4_nl_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/integer_round.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/integer.hpp"

namespace compress_integer_round_test {

using qfa::integer_rounding;
using qfa::round_to_integer;

namespace {

/// Rounding by its definition, in double, on a grid that begins at `lowest`.
double by_definition(integer_rounding how, double x, int lowest = 0) {
  const double below = std::floor(x), fraction = x - below;
  switch (how) {
    case integer_rounding::half_even:
      if (fraction == 0.5) return std::fmod(below, 2.0) == 0.0 ? below : below + 1.0;
      return fraction < 0.5 ? below : below + 1.0;
    case integer_rounding::half_away:
      if (fraction == 0.5) return x < 0.0 ? below : below + 1.0;
      return fraction < 0.5 ? below : below + 1.0;
    case integer_rounding::trunc:
      return x < 0.0 ? std::ceil(x) : below;
    case integer_rounding::trunc_half:
      break;
  }
  const double sum = static_cast<double>(static_cast<float>(x) + (static_cast<float>(-lowest) + 0.5f));
  return (sum < 0.0 ? std::ceil(sum) : std::floor(sum)) + lowest;
}

constexpr std::array all_roundings{integer_rounding::half_even, integer_rounding::half_away, integer_rounding::trunc,
                                   integer_rounding::trunc_half};

}  // namespace

TEST_CASE("integer_round: at every halfway point, beside it and at every integer each does what it is defined to do") {
  for (const integer_rounding how : all_roundings)
    for (int n = -300; n <= 300; ++n)
      for (const float x : {static_cast<float>(n), static_cast<float>(n) + 0.5f})
        for (const float at : {x, std::nextafter(x, -1e9f), std::nextafter(x, 1e9f)})
          for (const int lowest : {0, -8, -301})
            if (static_cast<double>(round_to_integer(how, at, static_cast<float>(lowest))) !=
                by_definition(how, static_cast<double>(at), lowest))
              FAIL_CHECK(at, " from ", lowest, " went to ", round_to_integer(how, at, static_cast<float>(lowest)));
}

TEST_CASE("integer_round: a quantizer of 2 to 8 bits puts every halfway point where its rounding says") {
  // The scale is 1, since the largest weight is qmax; the weights are all halfway points of the grid.
  for (const integer_rounding how : all_roundings)
    for (int bits = 2; bits <= 8; ++bits) {
      const int qmax = (1 << (bits - 1)) - 1;
      std::vector<float> halves{static_cast<float>(qmax)};
      for (int n = -qmax; n < qmax; ++n) {
        const float half = static_cast<float>(n) + 0.5f;
        for (const float w : {half, std::nextafter(half, -1e9f), std::nextafter(half, 1e9f)})
          halves.push_back(w);
      }
      std::vector<float> got = halves;
      qfa::integer{.bits = bits, .rounding = how}(qfa::matrix_view<float>(got.data(), 1, got.size()));
      for (std::size_t i = 0; i < got.size(); ++i)
        if (static_cast<double>(got[i]) !=
            std::fmin(by_definition(how, static_cast<double>(halves[i]), -qmax - 1), static_cast<double>(qmax)))
          FAIL_CHECK(bits, " bits: ", halves[i], " went to ", got[i]);
    }
}

TEST_CASE("integer_round: over floats of every exponent they agree with the C library, the sign of zero included") {
  std::size_t wrong = 0;
  for (std::uint64_t bits = 0; bits <= 0xffffffffU; bits += 16411) {  // a prime, so that the low bits vary
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isnan(x)) continue;
    const auto same = [](float a, float b) {
      return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
    };
    wrong += same(qfa::half_away(x), std::round(x)) ? 0U : 1U;
    wrong += same(qfa::toward_zero(x), std::trunc(x)) ? 0U : 1U;
  }
  CHECK(wrong == 0);
  for (const float large : {8388607.5f, 8388606.5f, 8388609.0f, std::numeric_limits<float>::infinity()}) {
    CHECK(qfa::half_away(-large) == -std::round(large));
    CHECK(qfa::toward_zero(large) == std::trunc(large));
  }
  CHECK(qfa::half_away(0.49999997f) == 0.0f);
  CHECK(std::signbit(qfa::toward_zero(-0.7f)));
  CHECK(round_to_integer(integer_rounding::trunc_half, 0.49999997f) == 1.0f);  // the sum is rounded to 1
}

TEST_CASE("integer_round: each has a name of its own") {
  const std::set<std::string_view> distinct(qfa::integer_rounding_names.begin(), qfa::integer_rounding_names.end());
  CHECK(distinct.size() == all_roundings.size());
}

}  // namespace compress_integer_round_test

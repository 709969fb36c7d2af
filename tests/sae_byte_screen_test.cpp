// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/byte_screen.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "simd_archs.hpp"

namespace sae_byte_screen_test {

using namespace qfa_test;
using qfa::byte_screen;
using qfa::matrix_view;

namespace {

using Arch = qfa::simd::best_arch;

struct bounds {
  float lower, upper, chain, rough_error;
  double exact;
};

/// The bounds on x.w for one token and column `j` of w (columns, inputs), beside what they bound.
bounds bounds_of(const byte_screen& screen, const std::vector<float>& x, const std::vector<float>& w, std::size_t j) {
  std::vector<std::uint8_t> bytes(4 * screen.bytes().quads());
  std::vector<float> scratch;
  const qfa::screened_token token = screen.quantize<Arch>(x, bytes.data(), 4, scratch);
  alignas(64) std::array<float, byte_screen::panel_width> tile;
  const std::size_t p = j / byte_screen::panel_width;
  qfa::simd::byte_tile_kernels<qfa::simd::portable_bytes>[0](
      bytes.data(), screen.bytes().panel(p), screen.bytes().starts(p), screen.bytes().quads(), tile.data());
  const std::size_t first = j / qfa::simd::width<Arch> * qfa::simd::width<Arch>;
  const auto sums = qfa::simd::load<Arch>(tile.data() + first % byte_screen::panel_width);
  alignas(64) std::array<float, qfa::simd::width<Arch>> low, high;
  screen.lower<Arch>(token, sums, first).store_aligned(low.data());
  screen.upper<Arch>(token, sums, first).store_aligned(high.data());
  bounds out{low[j - first], high[j - first], 0.0f, screen.error_of_rough(token, j), 0.0};
  for (std::size_t k = 0; k < x.size(); ++k) {
    out.chain = std::fma(x[k], w[j * x.size() + k], out.chain);
    out.exact += static_cast<double>(x[k]) * static_cast<double>(w[j * x.size() + k]);
  }
  return out;
}

void check_holds(const bounds& b) {
  CHECK(!(b.chain < b.lower));
  CHECK(!(b.chain > b.upper));
  CHECK(std::fabs(static_cast<double>(b.chain) - b.exact) <= static_cast<double>(b.rough_error) / 2.0);
}

}  // namespace

TEST_CASE("byte_screen: the bounds hold on random inputs, on massive, tiny and huge ones, whatever the sample") {
  const std::size_t d = 75, columns = 50;
  auto w = random_floats(columns * d, 1);
  for (std::size_t k = 0; k < d; ++k)
    w[7 * d + k] = 0.0f, w[8 * d + k] *= 0x1p-135f, w[9 * d + k] *= 0x1p100f;
  const auto sample = random_floats(40 * d, 2);
  const byte_screen plain({w.data(), columns, d}, {});
  const byte_screen fitted({w.data(), columns, d}, {sample.data(), 40, d});
  for (const float scale : {1.0f, 0x1p-80f, 0x1p-140f, 0x1p60f})
    for (const float massive : {1.0f, 1e4f, 0.0f}) {
      auto x = random_floats(d, 3);
      for (float& v : x)
        v *= scale;
      x[11] *= massive;
      for (const byte_screen* screen : {&plain, &fitted})
        for (std::size_t j = 0; j < columns; ++j) {
          CAPTURE(scale);
          CAPTURE(massive);
          CAPTURE(j);
          check_holds(bounds_of(*screen, x, w, j));
        }
    }
}

TEST_CASE("rounded_up: the smallest float that is no less, 2^-60 at least") {
  using qfa::detail::rounded_up;
  CHECK(rounded_up(1.0) == 1.0f);
  CHECK(rounded_up(1.0 + 0x1p-40) == 1.0f + 0x1p-23f);  // the nearest float is 1
  CHECK(rounded_up(1.0 + 0x1p-23) == 1.0f + 0x1p-23f);
  CHECK(rounded_up(0.0) == 0x1p-60f);
  CHECK(rounded_up(1e39) == std::numeric_limits<float>::infinity());
}

TEST_CASE("byte_screen: the bounds are tight enough to be of use") {
  const std::size_t d = 256;
  const auto w = random_floats(d, 1), x = random_floats(d, 2), sample = random_floats(64 * d, 3);
  double length = 0.0;
  for (std::size_t k = 0; k < d; ++k)
    length += static_cast<double>(x[k] * x[k]);
  double width = 0.0;
  for (float v : w)
    width += static_cast<double>(v * v);
  const bounds b = bounds_of(byte_screen({w.data(), 1, d}, {sample.data(), 64, d}), x, w, 0);
  // About 2 (1 / 127 / sqrt 12 x the ratio of peak to root mean square, 5 here) on each side.
  CHECK(static_cast<double>(b.upper - b.lower) < 0.06 * std::sqrt(length * width));
}

TEST_CASE("byte_screen: inputs in line with what their bytes leave out are still within the bound") {
  // x = q + 0.49 sign(w) with |w| the same throughout: the remainders add up as fast as Cauchy and Schwarz allow.
  const std::size_t d = 400;
  std::vector<float> x(d), w(d);
  std::mt19937 bits(4);
  for (std::size_t k = 0; k < d; ++k) {
    w[k] = bits() % 2 == 0 ? 1.0f : -1.0f;
    x[k] = static_cast<float>(bits() % 200) - 100.0f + 0.49f * w[k];
  }
  x[0] = 127.0f;  // the step is 1
  const byte_screen screen({w.data(), 1, d}, {});
  const bounds b = bounds_of(screen, x, w, 0);
  check_holds(b);
  CHECK(b.upper - b.chain < 0.01f * 0.49f * static_cast<float>(d));  // and it is nearly reached
  for (float& v : w)
    v = -v;
  const bounds c = bounds_of(byte_screen({w.data(), 1, d}, {}), x, w, 0);
  check_holds(c);
  CHECK(c.chain - c.lower < 0.01f * 0.49f * static_cast<float>(d));
}

TEST_CASE("byte_screen: weights in line with what their bytes leave out are still within the bound") {
  const std::size_t d = 400;
  std::vector<float> x(d), w(d);
  std::mt19937 bits(5);
  for (std::size_t k = 0; k < d; ++k) {
    x[k] = bits() % 2 == 0 ? 1.0f : -1.0f;
    w[k] = static_cast<float>(bits() % 200) - 100.0f + 0.49f * x[k];
  }
  w[0] = 127.0f;
  const bounds b = bounds_of(byte_screen({w.data(), 1, d}, {}), x, w, 0);
  check_holds(b);
  CHECK(b.upper - b.chain < 0.02f * 0.49f * static_cast<float>(d));
}

TEST_CASE("byte_screen: counts what the float32 chain itself loses") {
  // Bytes are exact here, and the chain is not: once its sum passes 2^24, each 3 adds 4.
  const std::size_t d = 2304;
  std::vector<float> x(d, 1.0f), w(d, 3.0f);
  for (std::size_t k = 2; k < 1102; ++k)
    x[k] = w[k] = 126.0f;
  x[0] = w[1] = 127.0f;  // the steps are 1
  x[1] = w[0] = 0.0f;
  for (float sign : {1.0f, -1.0f}) {
    for (float& v : w)
      v *= sign;
    const bounds b = bounds_of(byte_screen({w.data(), 1, d}, {}), x, w, 0);
    REQUIRE(std::fabs(static_cast<double>(b.chain) - b.exact) > 1000.0);
    check_holds(b);
  }
}

TEST_CASE("byte_screen: a sample tightens the bound where one input is massive") {
  const std::size_t d = 128;
  auto sample = random_floats(64 * d, 6);
  for (std::size_t t = 0; t < 64; ++t)
    sample[t * d + 5] += 1e5f;
  auto x = random_floats(d, 7);
  x[5] += 1e5f;
  const auto w = random_floats(d, 8);
  const bounds loose = bounds_of(byte_screen({w.data(), 1, d}, {}), x, w, 0);
  const bounds tight = bounds_of(byte_screen({w.data(), 1, d}, {sample.data(), 64, d}), x, w, 0);
  check_holds(loose);
  check_holds(tight);
  CHECK(tight.upper - tight.lower < 0.05f * (loose.upper - loose.lower));
}

}  // namespace sae_byte_screen_test

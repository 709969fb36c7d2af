// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/kernels.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "simd_archs.hpp"

namespace simd_kernels_test {

using qfa_test::random_floats;
using qfa_test::same_bits;
namespace simd = qfa::simd;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Same bits, or without FMA within the rounding of sums of `scale` magnitude.
template <class Arch>
bool agrees(float got, float expected) {
  if (simd::has_fma<Arch> || same_bits(got, expected)) return same_bits(got, expected);
  return std::fabs(got - expected) <= 1e-5f * (1.0f + std::fabs(expected)) + 1e-1f;
}

/// Calls check(xs, ys) with two arrays of every length from 0 to 9 registers, at every misalignment.
template <class Arch, class Check>
void for_each_length_and_misalignment(Check check) {
  const std::size_t longest = 9 * simd::width<Arch>;
  for (std::size_t n = 0; n <= longest; ++n)
    for (std::size_t shift = 0; shift < simd::width<Arch>; ++shift) {
      CAPTURE(n);
      CAPTURE(shift);
      simd::aligned_floats storage(2 * longest + 4 * simd::width<Arch>);
      const auto xs = random_floats(n, static_cast<unsigned>(n));
      const auto ys = random_floats(n, static_cast<unsigned>(n + 1000));
      // Infinities stand around the arrays, so that a neighbor that is read shows.
      std::fill(storage.begin(), storage.end(), infinity);
      float* x = storage.data() + shift;
      float* y = storage.data() + longest + 2 * simd::width<Arch> + (shift * 3 + 1) % simd::width<Arch>;
      std::copy(xs.begin(), xs.end(), x);
      std::copy(ys.begin(), ys.end(), y);
      check(std::span<float>(x, n), std::span<float>(y, n));
      CHECK(x[n] == infinity);
      CHECK(y[n] == infinity);
    }
}

}  // namespace

TEST_CASE_TEMPLATE("reductions: equal their scalar twins at every length and misalignment", Arch, QFA_TEST_ARCHS) {
  for_each_length_and_misalignment<Arch>([](std::span<float> x, std::span<float> y) {
    CHECK(agrees<Arch>(simd::sum<Arch>(x), simd::ref::sum(x)));
    CHECK(agrees<Arch>(simd::sum_of_squares<Arch>(x), simd::ref::sum_of_squares(x)));
    CHECK(agrees<Arch>(simd::sum_of_squares_around<Arch>(x, 0.3f), simd::ref::sum_of_squares_around(x, 0.3f)));
    CHECK(agrees<Arch>(simd::dot<Arch>(x, y), simd::ref::dot(x, y)));
    CHECK(same_bits(simd::max<Arch>(x), simd::ref::max(x)));
    CHECK(same_bits(simd::absmax<Arch>(x), simd::ref::absmax(x)));
    CHECK(simd::all_finite<Arch>(x));
  });
}

TEST_CASE_TEMPLATE("elementwise kernels: equal their scalar twins at every length and misalignment", Arch,
                   QFA_TEST_ARCHS) {
  for_each_length_and_misalignment<Arch>([](std::span<float> x, std::span<float> y) {
    std::vector<float> expected(y.begin(), y.end());
    simd::ref::axpy(1.7f, x, expected);
    simd::axpy<Arch>(1.7f, x, y);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      wrong += agrees<Arch>(y[i], expected[i]) ? 0u : 1u;
    CHECK(wrong == 0);
    expected.assign(y.begin(), y.end());
    simd::ref::scale(-0.3f, expected);
    simd::scale<Arch>(-0.3f, y);
    for (std::size_t i = 0; i < y.size(); ++i)
      wrong += same_bits(y[i], expected[i]) ? 0u : 1u;
    simd::ref::add(x, expected);
    simd::add<Arch>(x, y);
    for (std::size_t i = 0; i < y.size(); ++i)
      wrong += same_bits(y[i], expected[i]) ? 0u : 1u;
    CHECK(wrong == 0);
  });
}

TEST_CASE("reductions: are what their names say") {
  std::vector<float> xs;
  double sum = 0, squares = 0, around = 0;
  for (int i = 0; i < 300; ++i) {
    xs.push_back(static_cast<float>((i * 37) % 101 - 60));  // integers: every sum is exact
    sum += static_cast<double>(xs.back());
    squares += std::pow(static_cast<double>(xs.back()), 2);
    around += std::pow(static_cast<double>(xs.back()) - 5.0, 2);
  }
  CHECK(static_cast<double>(simd::sum(xs)) == sum);
  CHECK(static_cast<double>(simd::sum_of_squares(xs)) == squares);
  CHECK(static_cast<double>(simd::sum_of_squares_around(xs, 5.0f)) == around);
  CHECK(static_cast<double>(simd::dot(xs, xs)) == squares);
  CHECK(simd::max(xs) == 40.0f);
  CHECK(simd::absmax(xs) == 60.0f);
}

TEST_CASE_TEMPLATE("max and absmax: pass over NaN, and of nothing are -inf and 0", Arch, QFA_TEST_ARCHS) {
  CHECK(simd::max<Arch>({}) == -infinity);
  CHECK(simd::absmax<Arch>({}) == 0.0f);
  for (std::size_t at = 0; at < 40; ++at) {
    std::vector<float> xs(40, -2.0f);
    xs[at] = not_a_number;
    CHECK(simd::max<Arch>(xs) == -2.0f);
    CHECK(simd::absmax<Arch>(xs) == 2.0f);
  }
}

TEST_CASE_TEMPLATE("all_finite: sees one NaN or infinity anywhere", Arch, QFA_TEST_ARCHS) {
  CHECK(simd::all_finite<Arch>({}));
  for (float bad : {not_a_number, infinity, -infinity})
    for (std::size_t at = 0; at < 40; ++at) {
      std::vector<float> xs(40, std::numeric_limits<float>::max());
      CHECK(simd::all_finite<Arch>(xs));
      xs[at] = bad;
      CHECK_FALSE(simd::all_finite<Arch>(xs));
      CHECK_FALSE(simd::ref::all_finite(xs));
    }
}

TEST_CASE("reductions: take the documented lanes and tree") {
  // 2^24 swallows a 1 that is added to it, so the order shows: lane 0 holds 2^24 + 1, lane 8 holds 1, lane 4 holds 1.
  std::vector<float> xs(17, 0.0f);
  xs[0] = 16777216.0f;
  xs[16] = 1.0f;  // lane 0: lost
  xs[4] = 1.0f;
  xs[12] = 1.0f;  // lane 4 takes in lane 12 first: 2, which is not lost
  CHECK(simd::sum(xs) == 16777218.0f);
  xs[12] = 0.0f;
  xs[8] = 1.0f;  // lane 0 takes in lane 8, then lane 4: lost one by one
  CHECK(simd::sum(xs) == 16777216.0f);
}

}  // namespace simd_kernels_test

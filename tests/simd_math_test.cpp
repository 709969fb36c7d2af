// SPDX-License-Identifier: Apache-2.0
#include "qfa/simd/math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "simd_archs.hpp"

namespace simd_math_test {

using qfa_test::same_bits;
namespace simd = qfa::simd;

namespace {

/// Every `step`-th float of both signs, NaNs and infinities among them, and the values at which the formulas change.
std::vector<float> sampled_floats(std::uint64_t step) {
  std::vector<float> xs;
  for (std::uint64_t bits = 0; bits <= 0xffffffffU; bits += step)
    xs.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  for (float edge : {0.0f, 0.5625f, 0.921875f, 4.0f, 87.33655f, 88.37626f, 88.72283f, 88.72284f, 89.0f, 103.9721f,
                     104.0f, 0.34657359f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(),
                     std::numeric_limits<float>::min(), std::numeric_limits<float>::denorm_min()})
    for (float sign : {1.0f, -1.0f})
      for (float toward : {-200.0f, 200.0f}) {
        xs.push_back(sign * edge);
        xs.push_back(std::nextafter(sign * edge, toward));
      }
  xs.push_back(std::numeric_limits<float>::quiet_NaN());
  return xs;
}

/// |got - exact| in units of the last place of exact rounded to float.
double error_in_ulp(float got, long double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(rounded) || std::isinf(rounded)) return same_bits(got, rounded) ? 0.0 : 1e9;
  const float magnitude = std::max(std::fabs(rounded), std::numeric_limits<float>::min());
  const long double unit = std::ldexp(1.0L, std::ilogb(magnitude) - 23);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / unit);
}

template <class Got, class Exact>
double worst_ulp(Got got, Exact exact, float lo = -1e30f, float hi = 1e30f) {
  double worst = 0.0;
  for (float x : sampled_floats(10007))
    if (x >= lo && x <= hi) worst = std::max(worst, error_in_ulp(got(x), exact(static_cast<long double>(x))));
  return worst;
}

/// The worst error over all finite floats, with respect to max(1, |y|).
template <class Got, class Exact>
double worst_scaled(Got got, Exact exact) {
  double worst = 0.0;
  for (float x : sampled_floats(10007)) {
    if (!std::isfinite(x)) continue;
    const long double y = exact(static_cast<long double>(x));
    const long double error = std::fabs(static_cast<long double>(got(x)) - y) / std::max(1.0L, std::fabs(y));
    worst = std::max(worst, static_cast<double>(error));
  }
  return worst;
}

/// How many of the sampled floats a vector function and its scalar twin disagree on.
template <class Arch, class Vector, class Scalar>
std::size_t disagreements(Vector vector, Scalar scalar) {
  const auto xs = sampled_floats(20011);
  constexpr std::size_t w = simd::width<Arch>;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < xs.size(); i += w) {
    const std::size_t count = std::min(w, xs.size() - i);
    float ys[16];
    simd::store_first<Arch>(vector(simd::load_first<Arch>(xs.data() + i, count)), ys, count);
    for (std::size_t j = 0; j < count; ++j) {
      const float y = scalar(xs[i + j]);
      const bool close = same_bits(ys[j], y) ||
                         std::fabs(ys[j] - y) <= 1e-6f * std::max(1.0f, std::fabs(y)) + (y > 1e30f ? 1e32f : 0.0f);
      wrong += (simd::has_fma<Arch> ? same_bits(ys[j], y) : close) ? 0u : 1u;
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("exp: is within 1.02 units of the last place, subnormals and the edge of overflow included") {
  CHECK(worst_ulp(simd::ref::exp, [](long double x) { return std::exp(x); }) <= 1.02);
}

TEST_CASE("tanh, erf, sigmoid and silu: keep their stated errors") {
  CHECK(worst_ulp(simd::ref::tanh, [](long double x) { return std::tanh(x); }) <= 1.41);
  CHECK(worst_ulp(simd::ref::erf, [](long double x) { return std::erf(x); }) <= 1.01);
  // Below -88 the exponential overflows before its reciprocal becomes 0.
  CHECK(worst_ulp(
            simd::ref::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, -87.0f) <= 2.49);
  CHECK(worst_ulp(
            simd::ref::silu, [](long double x) { return x / (1 + std::exp(-x)); }, -87.0f) <= 2.39);
  CHECK(worst_scaled(simd::ref::silu, [](long double x) { return x / (1 + std::exp(-x)); }) <= 1.2e-7);
}

TEST_CASE("gelu: is within 1.1e-7 of its definition") {
  CHECK(worst_scaled(simd::ref::gelu, [](long double x) { return x * std::erfc(-x / std::sqrt(2.0L)) / 2; }) <= 1.1e-7);
  const long double c = std::sqrt(2.0L / std::acos(-1.0L));
  CHECK(worst_scaled(simd::ref::gelu_tanh, [c](long double x) {
          return x / (1 + std::exp(-2 * c * (x + 0.044715L * x * x * x)));
        }) <= 1.1e-7);
}

TEST_CASE_TEMPLATE("exp, tanh, erf and their kind: equal their scalar twins", Arch, QFA_TEST_ARCHS) {
  using batch = simd::floats<Arch>;
  CHECK(disagreements<Arch>([](batch x) { return simd::exp(x); }, simd::ref::exp) == 0);
  CHECK(disagreements<Arch>([](batch x) { return simd::tanh(x); }, simd::ref::tanh) == 0);
  CHECK(disagreements<Arch>([](batch x) { return simd::erf(x); }, simd::ref::erf) == 0);
  CHECK(disagreements<Arch>([](batch x) { return simd::sigmoid(x); }, simd::ref::sigmoid) == 0);
  CHECK(disagreements<Arch>([](batch x) { return simd::silu(x); }, simd::ref::silu) == 0);
  CHECK(disagreements<Arch>([](batch x) { return simd::gelu(x); }, simd::ref::gelu) == 0);
  CHECK(disagreements<Arch>([](batch x) { return simd::gelu_tanh(x); }, simd::ref::gelu_tanh) == 0);
}

TEST_CASE("exp and erf: take their limits at the ends, and NaN to NaN") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
  CHECK(simd::ref::exp(-infinity) == 0.0f);
  CHECK(simd::ref::exp(infinity) == infinity);
  CHECK(simd::ref::exp(0.0f) == 1.0f);
  CHECK(std::isnan(simd::ref::exp(not_a_number)));
  for (float sign : {1.0f, -1.0f}) {
    CHECK(simd::ref::tanh(sign * infinity) == sign);
    CHECK(simd::ref::erf(sign * infinity) == sign);
    CHECK(std::signbit(simd::ref::tanh(sign * 0.0f)) == (sign < 0.0f));
    CHECK(std::signbit(simd::ref::erf(sign * 0.0f)) == (sign < 0.0f));
  }
  CHECK(std::isnan(simd::ref::tanh(not_a_number)));
  CHECK(std::isnan(simd::ref::erf(not_a_number)));
  CHECK(simd::ref::silu(-1000.0f) == 0.0f);
  CHECK(simd::ref::silu(1000.0f) == 1000.0f);
  CHECK(simd::ref::gelu(-1000.0f) == 0.0f);
  CHECK(simd::ref::gelu(1000.0f) == 1000.0f);
}

}  // namespace simd_math_test

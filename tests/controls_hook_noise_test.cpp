// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/hook_noise.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

namespace controls_hook_noise_test {

using namespace qfa;

namespace {

constexpr hook_point at{1, hook_kind::resid_post};

/// D = (a, a + b / 2, 1), a and b of variance 4 and 1.
struct errors {
  std::vector<float> reference = std::vector<float>(3 * 4000, 0.25f), compressed = reference;
  errors() {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (std::size_t t = 0; t < 4000; ++t) {
      const float a = 2.0f * normal(random), b = normal(random);
      compressed[3 * t] += a;
      compressed[3 * t + 1] += a + 0.5f * b;
      compressed[3 * t + 2] += 1.0f;
    }
  }
  matrix_view<const float> x() const { return {reference.data(), 4000, 3}; }
  matrix_view<const float> y() const { return {compressed.data(), 4000, 3}; }
};

/// What the edit adds to zeros, of rows of 8 tokens.
error_covariance added_by(const activation_edit& noise, std::size_t rows, std::size_t width) {
  std::vector<float> zeros(rows * 8 * width, 0.0f), x = zeros;
  noise.change(0, {x.data(), rows * 8, width});
  error_covariance out(width);
  out({zeros.data(), rows * 8, width}, {x.data(), rows * 8, width});
  return out;
}

/// L L^T is S.
void check_factor(const std::vector<double>& l, const error_covariance& s) {
  const std::size_t n = s.width();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double product = 0.0;
      for (std::size_t k = 0; k < n; ++k)
        product += l[i * n + k] * l[j * n + k];
      CHECK(std::fabs(product - s(i, j)) < 1e-9);
    }
}

}  // namespace

TEST_CASE("error_covariance: covariance less the mean's, energy with it, and any blocks give the same") {
  const errors e;
  error_covariance s(3);
  s(e.x(), e.y());
  CHECK(s(0, 0) == doctest::Approx(4.0).epsilon(0.1));
  CHECK(s(1, 0) == s(0, 1));
  CHECK(s(1, 1) - s(0, 1) == doctest::Approx(0.25).epsilon(0.2));
  CHECK(std::fabs(s(2, 2)) < 1e-12);
  CHECK(s.energy() == doctest::Approx(s(0, 0) + s(1, 1) + 1.0).epsilon(0.01));
  CHECK(s.along(std::vector<double>{1.0, -1.0, 5.0}) == doctest::Approx(s(0, 0) + s(1, 1) - 2.0 * s(0, 1)));
  error_covariance first(3), parts(3);
  first(e.x().rows_between(0, 1000), e.y().rows_between(0, 1000));
  parts(e.x().rows_between(0, 1000), e.y().rows_between(0, 1000));
  parts(e.x().rows_between(1000, 4000), e.y().rows_between(1000, 4000));
  CHECK(parts == s);
  error_covariance rest(3);
  rest(e.x().rows_between(1000, 4000), e.y().rows_between(1000, 4000));
  first += rest;
  CHECK(first.tokens() == 4000);
  CHECK(first(0, 1) == doctest::Approx(s(0, 1)).epsilon(1e-12));
}

TEST_CASE("covariance_factor: L L^T is S, and a direction in which nothing moves has no noise") {
  const errors e;
  error_covariance s(3);
  s(e.x(), e.y());
  const std::vector<double> l = covariance_factor(s);
  check_factor(l, s);
  CHECK(l[1] == 0.0);
  CHECK(l[8] == 0.0);
}

TEST_CASE("covariance_factor: L L^T is S where every direction moves, and each with all before it") {
  constexpr std::size_t width = 5;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> zeros(width * 200, 0.0f), x = zeros;
  for (std::size_t t = 0; t < 200; ++t) {
    const float common = normal(random);
    for (std::size_t i = 0; i < width; ++i)
      x[t * width + i] = common * static_cast<float>(i + 1) + normal(random);
  }
  error_covariance s(width);
  s({zeros.data(), 200, width}, {x.data(), 200, width});
  const std::vector<double> l = covariance_factor(s);
  check_factor(l, s);
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t j = i + 1; j < width; ++j)
      CHECK(l[i * width + j] == 0.0);
}

TEST_CASE("noise at the hook: its energy and its covariance are those asked for") {
  const error_covariance even = added_by(isotropic_noise(at, 12.0, 8, 1), 1000, 3);
  CHECK(even.energy() == doctest::Approx(12.0).epsilon(0.05));
  CHECK(even(1, 1) == doctest::Approx(4.0).epsilon(0.06));
  CHECK(std::fabs(even(0, 2)) < 0.2);
  const errors e;
  error_covariance s(3);
  s(e.x(), e.y());
  const error_covariance like = added_by(covariant_noise(at, s, 8, 1), 1000, 3);
  CHECK(like.energy() == doctest::Approx(s.energy()).epsilon(0.06));
  CHECK(like(0, 1) / like(0, 0) == doctest::Approx(s(0, 1) / s(0, 0)).epsilon(0.05));
  CHECK(std::fabs(like(2, 2)) < 1e-9);
}

TEST_CASE("noise at the hook: a token's is the same wherever blocks are cut") {
  const activation_edit noise = isotropic_noise(at, 3.0, 2, 1);
  std::vector<float> whole(4 * 2 * 3, 0.0f), rest(2 * 2 * 3, 0.0f);
  noise.change(5, {whole.data(), 8, 3});
  noise.change(7, {rest.data(), 4, 3});
  CHECK(std::vector<float>(whole.begin() + 12, whole.end()) == rest);
  std::vector<float> other(4 * 2 * 3, 0.0f);
  isotropic_noise(at, 3.0, 2, 2).change(5, {other.data(), 8, 3});
  CHECK(other != whole);
}

}  // namespace controls_hook_noise_test

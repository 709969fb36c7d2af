// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/elementwise.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace model_elementwise_test {

using namespace qfa;

namespace {

double by_definition(mlp_activation kind, double x) {
  switch (kind) {
    case mlp_activation::gelu:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case mlp_activation::gelu_tanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case mlp_activation::silu:
      return x / (1.0 + std::exp(-x));
    case mlp_activation::relu:
      return x > 0.0 ? x : 0.0;
  }
  return 0.0;
}

std::vector<float> ramp(std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = -6.0f + 12.0f * static_cast<float>(i) / static_cast<float>(n - 1);
  return out;
}

constexpr mlp_activation kinds[] = {mlp_activation::gelu, mlp_activation::gelu_tanh, mlp_activation::silu,
                                    mlp_activation::relu};

}  // namespace

TEST_CASE("activate: every activation follows its formula") {
  for (const mlp_activation kind : kinds) {
    CAPTURE(static_cast<int>(kind));
    std::vector<float> x = ramp(40 * 21);
    const std::vector<float> before = x;
    activate(kind, matrix_view<float>(x.data(), 40, 21));
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK(static_cast<double>(x[i]) ==
            doctest::Approx(by_definition(kind, static_cast<double>(before[i]))).epsilon(1e-6));
  }
}

TEST_CASE("activate_gated: the gate is activated and the other factor is not") {
  for (const mlp_activation kind : kinds) {
    const std::vector<float> gate = ramp(5 * 19);
    std::vector<float> up(gate.size(), 3.0f);
    activate_gated(kind, matrix_view<const float>(gate.data(), 5, 19), matrix_view<float>(up.data(), 5, 19));
    for (std::size_t i = 0; i < up.size(); ++i)
      CHECK(static_cast<double>(up[i]) ==
            doctest::Approx(3.0 * by_definition(kind, static_cast<double>(gate[i]))).epsilon(1e-6));
  }
}

TEST_CASE("soft_cap: nothing exceeds the cap, and what is far below it hardly moves") {
  std::vector<float> x{0.0f, 0.01f, -0.5f, 30.0f, 1000.0f, -1000.0f, 5.0f};
  const std::vector<float> before = x;
  soft_cap(30.0f, matrix_view<float>(x.data(), 1, 7));
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(static_cast<double>(x[i]) ==
          doctest::Approx(30.0 * std::tanh(static_cast<double>(before[i]) / 30.0)).epsilon(1e-6));
  CHECK(x[4] == 30.0f);
}

TEST_CASE("add_rows: sums elements of equal place") {
  std::vector<float> to(33 * 3, 1.0f);
  std::vector<float> x(33 * 3);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(i);
  add_rows(matrix_view<const float>(x.data(), 33, 3), matrix_view<float>(to.data(), 33, 3));
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(to[i] == static_cast<float>(i + 1));
}

}  // namespace model_elementwise_test

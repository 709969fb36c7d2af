// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/unlearned.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "qfa/sae/encode.hpp"

namespace sae_unlearned_test {

using namespace qfa;

namespace {

constexpr std::size_t d = 6, width = 10, tokens = 2000;

sae made_up(activation_kind kind, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  sae s;
  s.activation = kind;
  s.d_in = d;
  s.d_sae = width;
  const auto fill = [&](std::vector<float>& v, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
      v.push_back(normal(random));
  };
  fill(s.w_enc, d * width);
  fill(s.w_dec, d * width);
  fill(s.b_enc, width);
  fill(s.b_dec, d);
  if (kind == activation_kind::jump_relu) s.threshold.assign(width, 0.5f);
  if (kind == activation_kind::top_k) s.k = 3;
  return s;
}

/// Of different spread and mean in each channel.
std::vector<float> some_activations() {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  std::vector<float> x;
  for (std::size_t i = 0; i < tokens * d; ++i)
    x.push_back(static_cast<float>(i % d) + (1.0f + static_cast<float>(i % d)) * normal(random));
  return x;
}

std::vector<double> rates_of(const sae& s, matrix_view<const float> x) {
  const sparse_codes codes = encoder<>(s)(x);
  std::vector<double> out(width, 0.0);
  for (std::size_t t = 0; t < codes.tokens(); ++t)
    for (const std::uint32_t f : codes[t].features)
      out[f] += 1.0 / static_cast<double>(tokens);
  return out;
}

}  // namespace

TEST_CASE("unlearned: every feature of a random or a rotated SAE fires as often as it is told to") {
  const std::vector<float> values = some_activations();
  const matrix_view<const float> x(values.data(), tokens, d);
  std::vector<double> rates;
  for (std::size_t j = 0; j < width; ++j)
    rates.push_back(0.01 * static_cast<double>(j));
  for (const activation_kind kind : {activation_kind::relu, activation_kind::jump_relu, activation_kind::top_k}) {
    const sae trained = made_up(kind);
    const std::vector<float> u = encoder_inputs(trained, x);
    const matrix_view<const float> inputs(u.data(), tokens, d);
    for (sae other : {random_sae(trained, 1), rotated_sae(trained, std::vector<double>(d, 1.0), 1)}) {
      set_firing_rates(other, inputs, rates);
      CHECK(other.activation == (kind == activation_kind::relu ? kind : activation_kind::jump_relu));
      const std::vector<double> found = rates_of(other, x);
      // A feature's 9 % or less lie where z > 0, or a jump_relu could not reach them.
      for (std::size_t j = 0; j < width; ++j)
        CHECK(std::fabs(found[j] - rates[j]) <= 0.0011);
    }
  }
}

TEST_CASE("unlearned: a rotation is orthonormal, and its seed decides it") {
  const std::vector<double> q = random_rotation(8, 3);
  for (std::size_t a = 0; a < 8; ++a)
    for (std::size_t b = 0; b < 8; ++b) {
      double product = 0.0;
      for (std::size_t i = 0; i < 8; ++i)
        product += q[a * 8 + i] * q[b * 8 + i];
      CHECK(std::fabs(product - (a == b ? 1.0 : 0.0)) < 1e-13);
    }
  CHECK(q == random_rotation(8, 3));
  CHECK(q != random_rotation(8, 4));
}

TEST_CASE("unlearned: the rotated SAE reads of u what the trained one reads of mean + Q (u - mean)") {
  const sae trained = made_up(activation_kind::relu);
  const std::vector<double> mean{1.0, -2.0, 0.5, 3.0, 0.0, 1.5};
  const sae rotated = rotated_sae(trained, mean, 7);
  const std::vector<double> q = random_rotation(d, 7);
  const std::vector<double> u{0.3, -1.0, 2.0, 0.1, -0.7, 1.1};
  for (std::size_t j = 0; j < width; ++j) {
    double direct = static_cast<double>(trained.b_enc[j]), turned = static_cast<double>(rotated.b_enc[j]);
    for (std::size_t k = 0; k < d; ++k) {
      double moved = mean[k];
      for (std::size_t i = 0; i < d; ++i)
        moved += q[k * d + i] * (u[i] - mean[i]);
      direct += static_cast<double>(trained.w_enc[k * width + j]) * moved;
      turned += static_cast<double>(rotated.w_enc[k * width + j]) * u[k];
    }
    CHECK(turned == doctest::Approx(direct).epsilon(1e-5));
  }
}

TEST_CASE("unlearned: random rows have length 1, their encoder is their transpose, and nothing is as it was trained") {
  const sae trained = made_up(activation_kind::relu);
  const sae random = random_sae(trained, 1);
  double squares = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    squares += std::pow(static_cast<double>(random.w_dec[4 * d + i]), 2);
    CHECK(random.w_dec[4 * d + i] == random.w_enc[i * width + 4]);
  }
  CHECK(squares == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(random.b_dec == trained.b_dec);
  CHECK(random.w_dec != trained.w_dec);
}

}  // namespace sae_unlearned_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_fold.hpp"

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "sae_formats.hpp"

namespace sae_load_fold_test {

namespace {

qfa::sae some_sae(qfa::activation_kind kind) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const auto draw = [&](std::size_t n) {
    std::vector<float> out(n);
    for (float& x : out)
      x = normal(random);
    return out;
  };
  qfa::sae s;
  s.activation = kind;
  s.d_in = 5;
  s.d_sae = 9;
  s.k = 3;
  s.w_enc = draw(45);
  s.w_dec = draw(45);
  s.b_enc = draw(9);
  s.b_dec = draw(5);
  s.threshold = std::vector<float>(9, 0.5f);
  s.r_mag = draw(9);
  s.b_mag = draw(9);
  return s;
}

const std::vector<double> x{0.5, -1.25, 2.0, 0.75, -0.3};

bool close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::fabs(a[i] - b[i]) > 1e-5 * (1.0 + std::fabs(b[i]))) return false;
  return true;
}

}  // namespace

TEST_CASE("fold_decoder_norms: rows get length 1, codes their old lengths, and the reconstruction stays") {
  const qfa::sae before = some_sae(qfa::activation_kind::relu);
  qfa::sae after = before;
  qfa::fold_decoder_norms(after);
  const qfa_test::plain_sae was(before, x);
  const qfa_test::plain_sae is(after, x);
  CHECK(close(is.reconstruction, was.reconstruction));
  for (std::size_t j = 0; j < 9; ++j) {
    double before_length = 0.0;
    double length = 0.0;
    for (std::size_t i = 0; i < 5; ++i) {
      before_length += std::pow(static_cast<double>(before.w_dec[j * 5 + i]), 2.0);
      length += std::pow(static_cast<double>(after.w_dec[j * 5 + i]), 2.0);
    }
    CHECK(length == doctest::Approx(1.0));
    CHECK(is.codes[j] == doctest::Approx(was.codes[j] * std::sqrt(before_length)));
  }
  CHECK(after.b_dec == before.b_dec);
  CHECK(after.threshold == before.threshold);
}

TEST_CASE("fold_decoder_norms: a feature that writes nothing does not become infinite") {
  qfa::sae s = some_sae(qfa::activation_kind::relu);
  for (std::size_t i = 0; i < 5; ++i)
    s.w_dec[2 * 5 + i] = 0.0f;
  qfa::fold_decoder_norms(s);
  for (const float w : s.w_dec)
    CHECK(std::isfinite(w));
  for (const float w : s.w_enc)
    CHECK(std::isfinite(w));
}

TEST_CASE("fold_input_scale: what was trained on scaled inputs makes the same codes of the inputs themselves") {
  for (const auto kind : {qfa::activation_kind::relu, qfa::activation_kind::jump_relu, qfa::activation_kind::top_k,
                          qfa::activation_kind::gated})
    for (const bool subtracts : {false, true}) {
      qfa::sae before = some_sae(kind);
      before.apply_b_dec_to_input = subtracts;
      qfa::sae after = before;
      qfa::fold_input_scale(after, 0.4);
      std::vector<double> scaled = x;
      for (double& v : scaled)
        v *= 0.4;
      const qfa_test::plain_sae was(before, scaled);
      const qfa_test::plain_sae is(after, x);
      CHECK(close(is.codes, was.codes));
      std::vector<double> wanted = was.reconstruction;
      for (double& v : wanted)
        v /= 0.4;
      CHECK(close(is.reconstruction, wanted));
    }
}

TEST_CASE("fold_decoder_scale: codes stay, and each feature writes so many times what it wrote") {
  const qfa::sae before = some_sae(qfa::activation_kind::relu);
  qfa::sae after = before;
  const std::vector<float> scale{1, 2, 3, 4, 5, 6, 7, 8, 9};
  qfa::fold_decoder_scale(after, scale);
  CHECK(close(qfa_test::plain_sae(after, x).codes, qfa_test::plain_sae(before, x).codes));
  for (std::size_t j = 0; j < 9; ++j)
    for (std::size_t i = 0; i < 5; ++i)
      CHECK(after.w_dec[j * 5 + i] == before.w_dec[j * 5 + i] * scale[j]);
}

}  // namespace sae_load_fold_test

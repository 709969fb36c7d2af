// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/health.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

#include "laws.hpp"
#include "qfa/sae/decode.hpp"
#include "qfa/sae/encode.hpp"
#include "sae_made_up.hpp"

namespace sae_health_test {

using namespace qfa_test;
using qfa::matrix_view;

namespace {

/// Activations with a massive dimension, as language models have them, and what an SAE makes of them.
struct run {
  std::size_t tokens, d;
  std::vector<float> x, y;
  qfa::sparse_codes codes;

  run(std::size_t tokens_, std::size_t d_, std::size_t features)
      : tokens(tokens_), d(d_), x(random_floats(tokens * d, 11)), y(x) {
    for (std::size_t t = 0; t < tokens; ++t)
      x[t * d] = 30000.0f + x[t * d];
    const auto s = random_sae(qfa::activation_kind::top_k, d, features);
    codes = qfa::encoder<>(s)(x_view());
    const auto noise = random_floats(tokens * d, 12);
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = x[i] + 0.01f * noise[i];
  }
  matrix_view<const float> x_view() const { return {x.data(), tokens, d}; }
  matrix_view<const float> y_view() const { return {y.data(), tokens, d}; }

  /// Tokens [first, last) as one sample.
  using batch = std::tuple<matrix_view<const float>, qfa::sparse_codes, matrix_view<const float>>;
  batch part(std::size_t first, std::size_t last) const {
    qfa::sparse_codes some(codes.width());
    for (std::size_t t = first; t < last; ++t)
      some.append_token(codes[t].features, codes[t].values);
    return {x_view().rows_between(first, last), some, y_view().rows_between(first, last)};
  }
};

bool same_health(const qfa::sae_health& a, const qfa::sae_health& b) {
  return a.tokens() == b.tokens() && a.l0() == b.l0() && close(a.fvu(), b.fvu()) &&
         close(a.explained_variance_legacy(), b.explained_variance_legacy()) && close(a.l2_ratio(), b.l2_ratio()) &&
         close(a.relative_reconstruction_bias(), b.relative_reconstruction_bias()) &&
         (std::isnan(a.dead_share()) || a.dead_share() == b.dead_share());
}

}  // namespace

TEST_CASE("sae_health: merging parts equals one pass, over every cut") {
  const run r(12, 6, 30);
  std::vector<run::batch> stream;
  for (std::size_t t = 0; t < r.tokens; t += 2)
    stream.push_back(r.part(t, t + 2));
  check_merge_laws<qfa::sae_health>(stream, {}, same_health);
}

TEST_CASE("sae_health: equals its definitions in one batch") {
  const run r(50, 7, 40);
  qfa::sae_health health;
  std::apply(health, r.part(0, r.tokens));

  std::vector<long double> mean(r.d, 0.0L);
  for (std::size_t t = 0; t < r.tokens; ++t)
    for (std::size_t i = 0; i < r.d; ++i)
      mean[i] += static_cast<long double>(r.x[t * r.d + i]) / 50.0L;
  long double residual = 0, spread = 0, legacy = 0, ratio = 0, yy = 0, xy = 0;
  std::vector<bool> fired(40, false);
  std::size_t firings = 0;
  for (std::size_t t = 0; t < r.tokens; ++t) {
    long double e = 0, v = 0, x2 = 0, y2 = 0;
    for (std::size_t i = 0; i < r.d; ++i) {
      const long double x = static_cast<long double>(r.x[t * r.d + i]), y = static_cast<long double>(r.y[t * r.d + i]);
      e += (x - y) * (x - y);
      v += (x - mean[i]) * (x - mean[i]);
      x2 += x * x;
      y2 += y * y;
      xy += x * y;
    }
    residual += e;
    spread += v;
    legacy += 1 - e / v;
    ratio += std::sqrt(y2) / std::sqrt(x2);
    yy += y2;
    for (std::uint32_t feature : r.codes[t].features) {
      fired[feature] = true;
      ++firings;
    }
  }
  CHECK(health.tokens() == 50);
  CHECK(close(health.fvu(), static_cast<double>(residual / spread)));
  CHECK(close(health.explained_variance(), static_cast<double>(1 - residual / spread)));
  CHECK(close(health.explained_variance_legacy(), static_cast<double>(legacy / 50)));
  CHECK(close(health.l2_ratio(), static_cast<double>(ratio / 50)));
  CHECK(close(health.relative_reconstruction_bias(), static_cast<double>(yy / xy)));
  CHECK(health.l0() == static_cast<double>(firings) / 50.0);
  CHECK(health.dead_share() == static_cast<double>(std::count(fired.begin(), fired.end(), false)) / 40.0);
}

TEST_CASE("sae_health: a mean of thousands loses nothing, whatever the batches") {
  const run r(60, 5, 20);
  qfa::sae_health whole, pieces;
  std::apply(whole, r.part(0, 60));
  for (std::size_t t = 0; t < 60; ++t)
    std::apply(pieces, r.part(t, t + 1));
  CHECK(std::fabs(pieces.fvu() / whole.fvu() - 1.0) < 1e-11);
}

TEST_CASE("sae_health: a perfect reconstruction explains all, and the mean nothing") {
  const std::vector<float> x{1.0f, 2.0f, 3.0f, 6.0f};  // two tokens, mean (2, 4)
  const std::vector<float> mean{2.0f, 4.0f, 2.0f, 4.0f};
  const matrix_view<const float> view(x.data(), 2, 2);
  qfa::sparse_codes codes(3);
  codes.push(1, 1.0f);
  codes.end_token();
  codes.push(1, 1.0f);
  codes.push(2, 1.0f);
  codes.end_token();
  qfa::sae_health perfect;
  perfect(view, codes, view);
  CHECK(perfect.fvu() == 0.0);
  CHECK(perfect.explained_variance() == 1.0);
  CHECK(perfect.explained_variance_legacy() == 1.0);
  CHECK(perfect.l2_ratio() == 1.0);
  CHECK(perfect.relative_reconstruction_bias() == 1.0);
  CHECK(perfect.l0() == 1.5);
  CHECK(perfect.dead_share() == 1.0 / 3.0);
  CHECK(perfect.firings()[1] == 2);
  qfa::sae_health constant;
  constant(view, codes, matrix_view<const float>(mean.data(), 2, 2));
  CHECK(constant.fvu() == 1.0);
  CHECK(constant.explained_variance_legacy() == 0.0);
}

TEST_CASE("sae_health: the legacy form takes each batch's own mean, and has no value for a batch of one") {
  const run r(20, 4, 10);
  qfa::sae_health one_by_one;
  for (std::size_t t = 0; t < 20; ++t)
    std::apply(one_by_one, r.part(t, t + 1));
  CHECK(std::isnan(one_by_one.explained_variance_legacy()));
  CHECK_FALSE(std::isnan(one_by_one.fvu()));
  qfa::sae_health left, right, both;
  std::apply(left, r.part(0, 8));
  std::apply(right, r.part(8, 20));
  std::apply(both, r.part(0, 8));
  std::apply(both, r.part(8, 20));
  CHECK(close(both.explained_variance_legacy(),
              (8.0 * left.explained_variance_legacy() + 12.0 * right.explained_variance_legacy()) / 20.0));
}

TEST_CASE("sae_health: a token near zero counts as of norm one in the shrinkage") {
  const std::vector<float> x{1e-5f}, y{0.5f};
  qfa::sparse_codes codes(1);
  codes.end_token();
  qfa::sae_health health;
  health(matrix_view<const float>(x.data(), 1, 1), codes, matrix_view<const float>(y.data(), 1, 1));
  CHECK(health.l2_ratio() == 0.5);
}

TEST_CASE("sae_health: before the first token there is nothing to tell, and shapes must fit") {
  const qfa::sae_health nothing;
  for (double v : {nothing.fvu(), nothing.explained_variance(), nothing.explained_variance_legacy(), nothing.l0(),
                   nothing.dead_share(), nothing.l2_ratio(), nothing.relative_reconstruction_bias()})
    CHECK(std::isnan(v));
  const run r(4, 3, 10), other(4, 3, 11);
  qfa::sae_health health, wrong;
  CHECK_THROWS_AS(health(r.x_view(), qfa::sparse_codes(10), r.y_view()), qfa::error);
  std::apply(health, r.part(0, 4));
  std::apply(wrong, other.part(0, 4));
  CHECK_THROWS_AS(health += wrong, qfa::error);
}

}  // namespace sae_health_test

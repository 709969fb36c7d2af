// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/norm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "scratch.hpp"

namespace model_norm_test {

using namespace qfa;

namespace {

std::vector<float> noise(std::size_t n, unsigned seed, float mean = 0.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, 1.0f);
  std::vector<float> out(n);
  for (float& x : out)
    x = normal(random);
  return out;
}

language_model one_norm(norm_kind kind, bool adds_one, std::size_t width) {
  language_model model;
  model.config.norm = kind;
  model.config.norm_epsilon = 1e-3;
  model.config.norm_adds_one = adds_one;
  model.tensors["n.weight"] = share({width}, noise(width, 1));
  model.tensors["n.bias"] = share({width}, noise(width, 2));
  return model;
}

/// The formulas of norm_kind, in long double.
std::vector<double> by_definition(const language_model& model, std::span<const float> x) {
  const bool layer = model.config.norm == norm_kind::layer;
  const auto n = static_cast<long double>(x.size());
  long double mean = 0.0L;
  for (float v : x)
    mean += static_cast<long double>(v) / n;
  if (!layer) mean = 0.0L;
  long double square = 0.0L;
  for (float v : x)
    square += (static_cast<long double>(v) - mean) * (static_cast<long double>(v) - mean) / n;
  std::vector<double> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    long double y = (static_cast<long double>(x[i]) - mean) /
                    std::sqrt(square + static_cast<long double>(model.config.norm_epsilon));
    y *= static_cast<long double>((*model.at("n.weight").values)[i]) + (model.config.norm_adds_one ? 1.0L : 0.0L);
    if (layer) y += static_cast<long double>((*model.at("n.bias").values)[i]);
    out[i] = static_cast<double>(y);
  }
  return out;
}

}  // namespace

TEST_CASE("norm: both kinds follow their formulas, with 1 + w where the family stores it so") {
  for (const norm_kind kind : {norm_kind::layer, norm_kind::rms})
    for (const bool adds_one : {false, true})
      for (const std::size_t width : std::vector<std::size_t>{1, 7, 16, 33, 768})
        for (const float mean : {0.0f, 100.0f}) {
          CAPTURE(width);
          CAPTURE(mean);
          const language_model model = one_norm(kind, adds_one, width);
          const norm_weights norm(model, "n");
          const std::vector<float> x = noise(3 * width, 5, mean);
          std::vector<float> out(x.size());
          norm(matrix_view<const float>(x.data(), 3, width), matrix_view<float>(out.data(), 3, width));
          for (std::size_t t = 0; t < 3; ++t) {
            const auto expected = by_definition(model, std::span(x).subspan(t * width, width));
            for (std::size_t i = 0; i < width; ++i)
              CHECK(std::fabs(static_cast<double>(out[t * width + i]) - expected[i]) <
                    2e-6 * (1.0 + std::fabs(expected[i])));
          }
        }
}

TEST_CASE("norm: output may replace input, and rows do not depend on each other") {
  for (const norm_kind kind : {norm_kind::layer, norm_kind::rms}) {
    const norm_weights norm(one_norm(kind, false, 20), "n");
    std::vector<float> x = noise(70 * 20, 8);
    std::vector<float> out(x.size()), one(20);
    const matrix_view<float> rows(x.data(), 70, 20);
    norm(rows, matrix_view<float>(out.data(), 70, 20));
    norm(rows.rows_between(69, 70), matrix_view<float>(one.data(), 1, 20));
    CHECK(std::equal(one.begin(), one.end(), out.end() - 20));
    norm(rows, rows);
    CHECK(x == out);
  }
}

TEST_CASE("norm: an empty name is no norm") {
  CHECK_FALSE(norm_weights().exists());
  CHECK_FALSE(norm_weights(language_model{}, "").exists());
  CHECK(norm_weights(one_norm(norm_kind::rms, false, 2), "n").exists());
}

TEST_CASE("norm: one that a model has not, and activations of another width, are refused") {
  const std::vector<float> x(6, 1.0f);
  std::vector<float> out(6);
  const norm_weights wide(one_norm(norm_kind::rms, false, 6), "n");
  for (const norm_weights& norm : {norm_weights{}, wide})
    qfa_test::check_refused([&] { norm(matrix_view(x.data(), 2, 3), matrix_view(out.data(), 2, 3)); },
                            {"as wide as its weights"});
}

}  // namespace model_norm_test

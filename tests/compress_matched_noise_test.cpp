// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/matched_noise.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "compress_controlled_policies.hpp"
#include "pruner_laws.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"

namespace compress_matched_noise_test {

using qfa::any_policy;
using qfa::matched_noise;
using qfa::rtn;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;

std::vector<double> difference(const matrix& after, const matrix& before) {
  std::vector<double> d;
  for (std::size_t i = 0; i < before.values.size(); ++i)
    d.push_back(static_cast<double>(after.values[i]) - static_cast<double>(before.values[i]));
  return d;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

TEST_CASE("matched_noise: its norm is the policy's error's, to 1e-6, whatever the policy, the seed and the shape") {
  const std::vector<any_policy> policies{rtn{.bits = 3}, rtn{.bits = 6}, qfa::magnitude_pruner{.sparsity = 0.5}};
  for (const any_policy& policy : policies)
    for (const auto& [rows, columns] : {std::pair<std::size_t, std::size_t>{40, 64}, {1, 100}, {64, 3}, {1, 2}})
      for (const unsigned seed : {1U, 2U, 3U}) {
        CAPTURE(policy.name());
        const matrix w = random_matrix(rows, columns, seed);
        CAPTURE(w.columns);
        const auto error = difference(compressed(w, policy), w);
        const auto noise = difference(compressed(w, matched_noise{policy, seed}, {.name = "w"}), w);
        const double norm = std::sqrt(product(error, error));
        // Beyond that, each weight's own rounding: half a unit in its 24th bit.
        double square = 0.0;
        for (const float x : w.values)
          square += static_cast<double>(x) * static_cast<double>(x);
        CHECK(std::fabs(std::sqrt(product(noise, noise)) - norm) <= 1e-6 * norm + 0x1p-24 * std::sqrt(square));
        CHECK((norm == 0.0) == (noise == error));
      }
}

TEST_CASE("matched_noise: each weight has its own Gaussian number, by row and column, in the tensor's name") {
  const matrix w = random_matrix(5, 48);
  const auto error = difference(compressed(w, rtn{.bits = 4}), w);
  const qfa::counter_random random(3, "up", qfa::random_use::noise);
  std::vector<double> g;
  for (std::size_t i = 0; i < w.values.size(); ++i)
    g.push_back(static_cast<double>(static_cast<float>(random.gaussian(i))));
  const double scale = std::sqrt(product(error, error) / product(g, g));
  const matrix noisy = compressed(w, matched_noise{rtn{.bits = 4}, 3}, {.name = "up"});
  for (std::size_t i = 0; i < g.size(); ++i)
    CHECK(noisy.values[i] == doctest::Approx(static_cast<double>(w.values[i]) + scale * g[i]).epsilon(1e-6));
}

TEST_CASE("matched_noise: seeds and names make noise that has nothing to do with each other, nor with the error") {
  const matrix w = random_matrix(64, 256);
  const auto noise = [&](std::uint64_t seed, const char* name) {
    return difference(compressed(w, matched_noise{rtn{.bits = 4}, seed}, {.name = name}), w);
  };
  const auto error = difference(compressed(w, rtn{.bits = 4}), w);
  const auto first = noise(1, "q");
  const double square = product(first, first);
  // Five standard deviations of a correlation over 16384 weights.
  for (const auto& other : {noise(2, "q"), noise(1, "k"), error})
    CHECK(std::fabs(product(first, other)) < 5.0 / 128.0 * square);
  CHECK(noise(1, "q") == first);
}

TEST_CASE("matched_noise: a result beyond the range of float is refused by name, and the weights are left alone") {
  matrix w{1, 64, std::vector<float>(64, 3e38f)};
  const matrix before = w;
  const qfa::any_policy zero([](qfa::matrix_view<float> v) { std::ranges::fill(v.row(0), 0.0f); }, "zero");
  qfa_test::check_refused(
      [&] {
        matched_noise{zero, 1}(w.view(), {.name = "up"});
      },
      {"noise", "\"up\"", "range of float"});
  CHECK(w.values == before.values);
}

TEST_CASE("matched_noise: it owes what every policy and every control owes, and says what it is") {
  qfa_test::check_pruner_laws(matched_noise{rtn{.bits = 4}, 1}, {.name = "up"});
  qfa_test::check_control_laws([](const any_policy& policy) { return matched_noise{policy, 1}; });
  CHECK(matched_noise{rtn{.bits = 6}, 2}.name() == "noise:match=(rtn:bits=6),seed=2");
}

}  // namespace compress_matched_noise_test

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_CONTROLS_MADE_UP_HPP
#define QFA_TESTS_CONTROLS_MADE_UP_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "qfa/controls/damage_sample.hpp"

namespace qfa_test {

/// `width` features on 16 groups of 60 tokens.  Feature f fires on a tenth of the tokens with 1 + noise, the same in
/// every table but for the factor `scale[f]`, and the compressed model adds noise of the size `loss[f]`, drawn by
/// `seed`.
inline qfa::feature_table lossy_table(const std::vector<float>& loss, unsigned seed,
                                      const std::vector<float>& scale = {}) {
  const auto width = static_cast<std::uint32_t>(loss.size());
  std::mt19937 firing(7), noise(seed);
  std::normal_distribution<float> normal, added;
  qfa::feature_table table(width, 16);
  for (std::uint32_t g = 0; g < 16; ++g) {
    qfa::sparse_codes x(width), y(width);
    for (int t = 0; t < 60; ++t) {
      for (std::uint32_t f = 0; f < width; ++f) {
        if (firing() % 10 != 0) continue;
        const float a = (scale.empty() ? 1.0f : scale[f]) * (1.0f + 0.5f * std::fabs(normal(firing)));
        const float b = a + loss[f] * added(noise);
        x.push(f, a);
        if (b > 0.0f) y.push(f, b);
      }
      x.end_token();
      y.end_token();
    }
    const std::vector<std::uint32_t> groups(60, g);
    table(x, y, groups);
  }
  return table;
}

inline std::vector<std::uint32_t> all_features(std::size_t width) {
  std::vector<std::uint32_t> out(width);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

inline qfa::damage_sample lossy_sample(const std::vector<float>& loss, unsigned seed, std::string name = "lossy") {
  return qfa::sample_of(lossy_table(loss, seed), all_features(loss.size()), std::move(name), true);
}

/// `strong` for features of which `hurt` says so, else `weak`.
template <class Hurt>
std::vector<float> losses(std::size_t width, Hurt hurt, float strong = 1.5f, float weak = 0.05f) {
  std::vector<float> out;
  for (std::size_t f = 0; f < width; ++f)
    out.push_back(hurt(f) ? strong : weak);
  return out;
}

}  // namespace qfa_test

#endif

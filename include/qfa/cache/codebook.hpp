// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_CODEBOOK_HPP
#define QFA_CACHE_CODEBOOK_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/cache/outlier_range.hpp"
#include "qfa/core/exact.hpp"

namespace qfa {

/// Levels of normalized numbers, which lie in [-1, 1] where no outlier is among them.
struct codebook {
  std::vector<float> levels;  ///< increasing
  float scale = 1.0f;         ///< a level comes back as level scale + offset (Q-Norm)
  float offset = 0.0f;

  /// The level nearest to x, of two as near the lower one.  There must be one.
  std::size_t nearest(float x) const noexcept {
    std::size_t best = 0;
    for (std::size_t i = 1; i < levels.size(); ++i)
      if (std::fabs(x - levels[i]) < std::fabs(x - levels[best])) best = i;
    return best;
  }
  float decoded(std::size_t code) const noexcept { return rounded_product(levels[code], scale) + offset; }
};

/// (x - offset) / reach of a range's middle and half width; 0 where the range has none.
struct normalization {
  float offset = 0.0f;
  float reach = 0.0f;

  explicit normalization(const outlier_range& range) noexcept
      : offset((range.high + range.low) / 2.0f), reach((range.high - range.low) / 2.0f) {}

  float operator()(float x) const noexcept { return reach == 0.0f ? 0.0f : (x - offset) / reach; }
  float back(float y) const noexcept { return rounded_product(y, reach) + offset; }
};

/// Q-Norm (Hooper and others 2024): levels are moved so that what comes back of the sample has the sample's mean and
/// standard deviation, scale = s1 / s2 and offset = m1 - m2 s1 / s2, 1 the sample, 2 its levels.  Unchanged where the
/// levels have no deviation.
inline void fit_norm(codebook& book, std::span<const float> sample) {
  double sum[2] = {}, squares[2] = {};
  const auto n = static_cast<double>(sample.size());
  const auto both = [&](auto body) {
    for (const float x : sample) {
      body(0, static_cast<double>(x));
      body(1, static_cast<double>(book.levels[book.nearest(x)]));
    }
  };
  both([&](int i, double x) { sum[i] += x; });
  const double mean[2] = {sum[0] / n, sum[1] / n};
  both([&](int i, double x) { squares[i] += rounded_product(x - mean[i], x - mean[i]); });
  if (!(squares[1] > 0.0)) return;
  const double ratio = std::sqrt(squares[0] / squares[1]);
  book.scale = static_cast<float>(ratio);
  book.offset = static_cast<float>(mean[0] - rounded_product(mean[1], ratio));
}

}  // namespace qfa

#endif

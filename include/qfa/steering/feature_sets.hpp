// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_STEERING_FEATURE_SETS_HPP
#define QFA_STEERING_FEATURE_SETS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/compress/counter_random.hpp"
#include "qfa/core/error.hpp"

// Orders in which features are restored: sets of k features are the first k.

namespace qfa {

/// The features with an r, the worst first; ties by number.  `r` is by feature.
inline std::vector<std::uint32_t> by_correlation(std::span<const std::uint32_t> features, std::span<const double> r) {
  std::vector<std::uint32_t> out;
  for (const std::uint32_t f : features)
    if (!std::isnan(r[f])) out.push_back(f);
  std::ranges::stable_sort(out,
                           [&](std::uint32_t a, std::uint32_t b) { return r[a] < r[b] || (r[a] == r[b] && a < b); });
  return out;
}

/// The features with the largest energy e_j = E (y_j - x_j)^2 |w_j|^2 first; ties by number.  `energy` is by feature.
inline std::vector<std::uint32_t> by_energy(std::span<const std::uint32_t> features, std::span<const double> energy) {
  std::vector<std::uint32_t> out(features.begin(), features.end());
  std::ranges::stable_sort(out, [&](std::uint32_t a, std::uint32_t b) {
    return energy[a] > energy[b] || (energy[a] == energy[b] && a < b);
  });
  return out;
}

/// The features in a random order, which the seed decides (Fisher and Yates 1938).
inline std::vector<std::uint32_t> at_random(std::span<const std::uint32_t> features, std::uint64_t seed) {
  const counter_random random(seed, "features to restore", random_use::permutation);
  std::vector<std::uint32_t> out(features.begin(), features.end());
  for (std::size_t i = out.size(); i > 1; --i)
    std::swap(out[i - 1], out[random.below(i, i)]);
  return out;
}

/// How many features from the front have as much energy together as the first `count` of another order: the fewest that
/// reach it; all where they do not.  Throws where the other order has fewer.
inline std::size_t as_much_energy(std::span<const std::uint32_t> order, std::span<const std::uint32_t> other,
                                  std::size_t count, std::span<const double> energy) {
  require(count <= other.size(), "a set holds no more features than there are in its order");
  double wanted = 0.0, sum = 0.0;
  for (const std::uint32_t f : other.first(count))
    wanted += energy[f];
  std::size_t n = 0;
  while (n < order.size() && sum < wanted)
    sum += energy[order[n++]];
  return n;
}

/// A flag for each of `width` features: 1 for the first `count` of an order, or for all but those.  Throws where the
/// order has fewer.
inline std::vector<std::uint8_t> flags_of(std::span<const std::uint32_t> order, std::size_t count, std::size_t width,
                                          bool all_but = false) {
  require(count <= order.size(), "a set holds no more features than there are in its order");
  std::vector<std::uint8_t> out(width, all_but ? 1 : 0);
  for (const std::uint32_t f : order.first(count))
    out[f] = all_but ? 0 : 1;
  return out;
}

}  // namespace qfa

#endif

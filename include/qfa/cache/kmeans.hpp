// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_CACHE_KMEANS_HPP
#define QFA_CACHE_KMEANS_HPP

// Needs VLFeat (Debian: libvlfeat-dev; its k-means is Lloyd's after k-means++, by Arthur and Vassilvitskii 2007):
// the target qfa::kmeans brings it and defines QFA_HAS_KMEANS.

#include <vl/kmeans.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

struct kmeans_options {
  std::uint32_t seed = 0;
  std::size_t repetitions = 10;    ///< the best of so many starts
  std::size_t iterations = 50;     ///< of each at most
  std::size_t most_points = 4096;  ///< of more, as many quantiles are taken
};

/// The centers of `count` clusters of finite numbers, increasing; the numbers themselves, the largest repeated, where
/// no more than `count` differ.  All points weigh the same, and their order does not count.  The result depends on the
/// arguments alone: VLFeat's threads share assignments, not sums.  Its random numbers are the calling thread's.  Throws
/// without numbers, for no clusters, and where `most_points` is 0.
inline std::vector<float> kmeans_levels(std::span<const float> points, std::size_t count,
                                        const kmeans_options& options = {}) {
  require(!points.empty() && count > 0 && options.most_points > 0, "k-means needs at least one number and one cluster");
  std::vector<float> sorted(points.begin(), points.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> kept;
  const std::size_t n = (std::min)(points.size(), options.most_points);
  for (std::size_t i = 0; i < n; ++i)
    kept.push_back(static_cast<double>(sorted[i * sorted.size() / n]));
  std::vector<float> levels(kept.begin(), kept.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  if (levels.size() <= count) {
    levels.resize(count, levels.back());
    return levels;
  }

  const std::unique_ptr<VlKMeans, void (*)(VlKMeans*)> kmeans(vl_kmeans_new(VL_TYPE_DOUBLE, VlDistanceL2),
                                                              vl_kmeans_delete);
  vl_rand_seed(vl_get_rand(), options.seed);
  vl_kmeans_set_algorithm(kmeans.get(), VlKMeansLloyd);
  vl_kmeans_set_initialization(kmeans.get(), VlKMeansPlusPlus);
  vl_kmeans_set_num_repetitions(kmeans.get(), options.repetitions);
  vl_kmeans_set_max_num_iterations(kmeans.get(), options.iterations);
  vl_kmeans_set_min_energy_variation(kmeans.get(), 0.0);
  vl_kmeans_cluster(kmeans.get(), kept.data(), 1, kept.size(), count);
  const auto* centers = static_cast<const double*>(vl_kmeans_get_centers(kmeans.get()));
  levels.resize(count);
  for (std::size_t i = 0; i < count; ++i)
    levels[i] = static_cast<float>(centers[i]);
  std::sort(levels.begin(), levels.end());
  return levels;
}

}  // namespace qfa

#endif

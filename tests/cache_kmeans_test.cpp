// SPDX-License-Identifier: Apache-2.0
// Empty where VLFeat is missing.
#ifdef QFA_HAS_KMEANS
#include "qfa/cache/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_kmeans_test {

namespace {

double inertia(const std::vector<float>& points, const std::vector<float>& levels) {
  double sum = 0.0;
  for (const float x : points) {
    double least = 1e300;
    for (const float level : levels) {
      const double d = static_cast<double>(x) - static_cast<double>(level);
      least = std::min(least, d * d);
    }
    sum += least;
  }
  return sum;
}

}  // namespace

TEST_CASE("kmeans_levels: about as good as scikit-learn, and never better than the best there is") {
  const std::vector<float> samples = qfa::read_floats(qfa_test::cache_array("kmeans.samples"));
  for (const std::size_t bits : {2U, 3U, 4U}) {
    CAPTURE(bits);
    const std::vector<double> known =
        qfa::read_doubles(qfa_test::cache_array("kmeans." + std::to_string(bits) + ".inertia"));
    const std::vector<float> levels = qfa::kmeans_levels(samples, std::size_t{1} << bits);
    CHECK(levels.size() == std::size_t{1} << bits);
    CHECK(std::is_sorted(levels.begin(), levels.end()));
    const double found = inertia(samples, levels);
    CHECK(found >= known[1] * (1.0 - 1e-6));
    // Both are the best of ten starts, which need not find the optimum: VLFeat ends 0, 4 and 8 % above scikit-learn.
    CHECK(found <= known[0] * 1.1);
  }
}

TEST_CASE("kmeans_levels: the same whatever the order of the points and the number of threads") {
  std::vector<float> points = qfa_test::random_matrix(30, 100).values;
  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);
  const std::vector<float> alone = qfa::kmeans_levels(points, 8);
  qfa::set_thread_count(3);
  CHECK(qfa_test::same_bits(qfa::kmeans_levels(points, 8), alone));
  std::reverse(points.begin(), points.end());
  CHECK(qfa_test::same_bits(qfa::kmeans_levels(points, 8), alone));
  qfa::set_thread_count(threads);
}

TEST_CASE("kmeans_levels: clusters far apart are found, and many points are thinned out") {
  std::vector<float> points;
  for (int i = 0; i < 1000; ++i)
    for (const float center : {-5.0f, 0.0f, 1.0f, 8.0f})
      points.push_back(center + 0.001f * static_cast<float>(i % 11 - 5));
  for (const std::size_t most : {100000U, 500U}) {
    const std::vector<float> levels = qfa::kmeans_levels(points, 4, {.most_points = most});
    CHECK(levels[0] == doctest::Approx(-5.0).epsilon(0.01));
    CHECK(std::fabs(levels[1]) < 0.01f);
    CHECK(levels[2] == doctest::Approx(1.0).epsilon(0.01));
    CHECK(levels[3] == doctest::Approx(8.0).epsilon(0.01));
  }
}

TEST_CASE("kmeans_levels: no more numbers than clusters are their own centers") {
  CHECK(qfa::kmeans_levels(std::vector<float>{2.0f, 1.0f, 2.0f}, 4) == std::vector<float>{1.0f, 2.0f, 2.0f, 2.0f});
  CHECK(qfa::kmeans_levels(std::vector<float>{3.0f}, 2) == std::vector<float>{3.0f, 3.0f});
  const std::vector<float> two{2.0f, 1.0f};
  qfa_test::check_refused([] { qfa::kmeans_levels({}, 2); }, {"k-means", "at least one"});
  qfa_test::check_refused([&] { qfa::kmeans_levels(two, 0); }, {"k-means", "at least one"});
  qfa_test::check_refused([&] { qfa::kmeans_levels(two, 2, {.most_points = 0}); }, {"k-means", "at least one"});
}

}  // namespace cache_kmeans_test
#endif

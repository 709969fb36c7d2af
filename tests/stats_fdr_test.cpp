// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/fdr.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "qfa/core/error.hpp"

namespace stats_fdr_test {

using flags = std::vector<std::uint8_t>;

TEST_CASE("discoveries: the worked example of Benjamini and Hochberg") {
  // Benjamini and Hochberg (1995), section 3.2: fifteen p-values, q = .05, four discoveries.
  const std::vector<double> p{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                              0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  flags expected(15, 0);
  std::fill_n(expected.begin(), 4, std::uint8_t{1});
  CHECK(qfa::discoveries(p, 0.05) == expected);
  // In any order.
  std::vector<double> shuffled(p.rbegin(), p.rend());
  std::reverse(expected.begin(), expected.end());
  CHECK(qfa::discoveries(shuffled, 0.05) == expected);
}

TEST_CASE("discoveries: a p-value above its own line counts if a later one lies under its line") {
  CHECK(qfa::discoveries(std::vector<double>{0.04, 0.045, 0.049}, 0.05) == flags{1, 1, 1});
  CHECK(qfa::discoveries(std::vector<double>{0.04, 0.045, 0.051}, 0.05) == flags{0, 0, 0});
  CHECK(qfa::discoveries(std::vector<double>{0.05}, 0.05) == flags{1});  // the line itself is allowed
}

TEST_CASE("discoveries: NaN is no test") {
  const double none = std::nan("");
  CHECK(qfa::discoveries(std::vector<double>{none, 0.04, none}, 0.05) == flags{0, 1, 0});
  CHECK(qfa::discoveries(std::vector<double>{none, none}, 0.05) == flags{0, 0});
  CHECK(qfa::discoveries(std::vector<double>{}, 0.05).empty());
}

TEST_CASE("discoveries: any dependence divides the rate by the harmonic number") {
  // 1 + 1/2 = 1.5: lines at .05/1.5 k/2.
  CHECK(qfa::discoveries(std::vector<double>{0.016, 0.5}, 0.05, qfa::test_dependence::any) == flags{1, 0});
  CHECK(qfa::discoveries(std::vector<double>{0.017, 0.5}, 0.05, qfa::test_dependence::any) == flags{0, 0});
  CHECK(qfa::discoveries(std::vector<double>{0.017, 0.5}, 0.05) == flags{1, 0});
}

TEST_CASE("discoveries: among nulls and effects the share of false ones stays under q") {
  std::mt19937_64 random(17);
  std::uniform_real_distribution<double> uniform;
  double false_share = 0.0;
  constexpr int repetitions = 400;
  for (int i = 0; i < repetitions; ++i) {
    std::vector<double> p;
    for (int j = 0; j < 100; ++j)
      p.push_back(j < 80 ? uniform(random) : 1e-3 * uniform(random));
    const flags found = qfa::discoveries(p, 0.1);
    const auto wrong = static_cast<double>(std::count(found.begin(), found.begin() + 80, 1));
    const auto all = static_cast<double>(std::count(found.begin(), found.end(), 1));
    false_share += all > 0.0 ? wrong / all : 0.0;
  }
  // The expectation is q 80/100 = .08; its deviation over 400 repetitions is under .06 / 20.
  CHECK(false_share / repetitions == doctest::Approx(0.08).epsilon(0.11));
}

TEST_CASE("discoveries: a rate outside of 0 to 1 is refused") {
  CHECK_THROWS_AS(qfa::discoveries(std::vector<double>{0.5}, 0.0), qfa::error);
  CHECK_THROWS_AS(qfa::discoveries(std::vector<double>{0.5}, 1.0), qfa::error);
}

}  // namespace stats_fdr_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/lower_median.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace survival_lower_median_test {

TEST_CASE("lower_median: of an even number, the lower of the two in the middle") {
  CHECK(qfa::lower_median({4.0, 1.0, 3.0, 2.0}) == 2.0);
  CHECK(qfa::lower_median({1.0, 2.0}) == 1.0);
  CHECK(qfa::lower_median({3.0, 1.0, 2.0}) == 2.0);
  CHECK(qfa::lower_median({7.0}) == 7.0);
}

TEST_CASE("lower_median: of the sizes of the published tables, element 2844 of 5688 and 3572 of 7144") {
  std::mt19937_64 random(5);
  for (const std::size_t n : {std::size_t{5688}, std::size_t{7144}}) {
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i)
      values[i] = static_cast<double>(i + 1);
    std::shuffle(values.begin(), values.end(), random);
    CHECK(qfa::lower_median(values) == static_cast<double>(n / 2));
    values.push_back(0.0);  // an odd number: the one in the middle
    CHECK(qfa::lower_median(values) == static_cast<double>(n / 2));
  }
}

TEST_CASE("lower_median: NaN is no value, and of none there is no median") {
  const double none = std::nan("");
  CHECK(qfa::lower_median({none, 5.0, none, 1.0, 2.0, none}) == 2.0);
  CHECK(std::isnan(qfa::lower_median({})));
  CHECK(std::isnan(qfa::lower_median({none, none})));
}

}  // namespace survival_lower_median_test

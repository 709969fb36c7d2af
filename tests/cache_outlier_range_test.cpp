// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/outlier_range.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace cache_outlier_range_test {

TEST_CASE("linear_percentile: between neighbors, as numpy has it") {
  const std::vector<float> x{1.0f, 2.0f, 4.0f, 8.0f, 16.0f};
  CHECK(qfa::linear_percentile(x, 0.0) == 1.0);
  CHECK(qfa::linear_percentile(x, 1.0) == 16.0);
  CHECK(qfa::linear_percentile(x, 0.5) == 4.0);
  CHECK(qfa::linear_percentile(x, 0.3125) == 2.5);
  CHECK(qfa::linear_percentile(x, 0.9375) == 14.0);
  CHECK(qfa::linear_percentile(std::vector<float>{3.0f}, 0.995) == 3.0);
}

TEST_CASE("find_outlier_range: a share lies outside, and the others have their own range") {
  std::vector<float> x;
  for (int i = 0; i < 101; ++i)
    x.push_back(static_cast<float>((i * 37) % 101));  // 0 to 100 in some order
  const qfa::outlier_range range = qfa::find_outlier_range(x, 0.1);
  CHECK(range.lower == doctest::Approx(5.0));
  CHECK(range.upper == doctest::Approx(95.0));
  CHECK(range.low >= 5.0f);
  CHECK(range.low <= 6.0f);
  CHECK(range.high <= 95.0f);
  CHECK(range.high >= 94.0f);
  CHECK_FALSE(range.holds(4.0f));
  CHECK(range.holds(50.0f));
  CHECK_FALSE(range.holds(96.0f));
}

TEST_CASE("find_outlier_range: none of none, and constants have no outliers but numbers unlike them") {
  const qfa::outlier_range all = qfa::find_outlier_range(std::vector<float>{-1.0f, 5.0f, 2.0f}, 0.0);
  CHECK(all.low == -1.0f);
  CHECK(all.high == 5.0f);
  CHECK(all.holds(-1e30f));
  CHECK(all.holds(1e30f));
  const qfa::outlier_range constant = qfa::find_outlier_range(std::vector<float>(7, 2.5f), 0.01);
  CHECK(constant.holds(2.5f));
  CHECK_FALSE(constant.holds(2.6f));
  CHECK(constant.low == 2.5f);
  CHECK(constant.high == 2.5f);
  // Two numbers are both outliers; the lower median stands for them.
  const qfa::outlier_range two = qfa::find_outlier_range(std::vector<float>{4.0f, 1.0f}, 0.1);
  CHECK_FALSE(two.holds(1.0f));
  CHECK_FALSE(two.holds(4.0f));
  CHECK(two.low == 1.0f);
  CHECK(two.high == 1.0f);
}

}  // namespace cache_outlier_range_test

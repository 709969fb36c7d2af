// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/deciles.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace compare_deciles_test {

TEST_CASE("deciles_of: by order, equal ones by their place, of equal size give or take one") {
  // 23 values: place p lies in decile floor(10 p / 23).
  std::vector<double> values(23);
  std::vector<std::uint32_t> expected(23);
  for (std::size_t i = 0; i < 23; ++i) {
    values[i] = -static_cast<double>(i);
    expected[i] = static_cast<std::uint32_t>(10 * (22 - i) / 23);
  }
  CHECK(qfa::deciles_of(values) == expected);
  CHECK(qfa::deciles_of(std::vector<double>(20, 1.0)) ==
        std::vector<std::uint32_t>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9});
  CHECK(qfa::deciles_of(std::vector<double>{3.0, -std::numeric_limits<double>::infinity()}) ==
        std::vector<std::uint32_t>{5, 0});
  CHECK(qfa::deciles_of(std::vector<double>{}).empty());
  CHECK_THROWS_AS(qfa::deciles_of(std::vector<double>{1.0, std::nan("")}), qfa::error);
}

}  // namespace compare_deciles_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/steering_sample.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "made_up.hpp"

namespace steering_steering_sample_test {

using namespace qfa;
using qfa_test::not_a_number;

TEST_CASE("spread_evenly: the middles of equal parts") {
  CHECK(spread_evenly(10, 2) == std::vector<std::size_t>{2, 7});
  CHECK(spread_evenly(10, 10) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(spread_evenly(3, 10) == std::vector<std::size_t>{0, 1, 2});
  CHECK(spread_evenly(0, 4).empty());
}

TEST_CASE("sample_by_damage: every so many in the order of damage, and silence is damage") {
  const std::vector<std::uint32_t> features{2, 3, 5, 7, 11, 13};
  const std::vector<std::vector<double>> one{{0.9, not_a_number, 0.1, 0.8, 0.7, 0.2}};
  // In order: 3, 5, 13, 11, 7, 2, of which the second, the fourth and the sixth are the middles of three parts.
  CHECK(sample_by_damage(features, one, 3) == std::vector<std::uint32_t>{2, 5, 11});
  CHECK(sample_by_damage(features, one, 100) == features);
  // A second condition that hurts the others evens it out: all ranks' sums are 7, and ties go by number.
  const std::vector<std::vector<double>> both{{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, {0.6, 0.5, 0.4, 0.3, 0.2, 0.1}};
  CHECK(sample_by_damage(features, both, 2) == std::vector<std::uint32_t>{3, 11});
  CHECK(sample_by_damage(features, {}, 2) == std::vector<std::uint32_t>{3, 11});
  const std::vector<std::vector<double>> short_one{{0.5}};
  CHECK_THROWS_WITH(sample_by_damage(features, short_one, 2), doctest::Contains("an r for each feature"));
}

TEST_CASE("take_rows: the first tokens of rows, which keep the groups of the audit") {
  token_rows all{.context = 3};
  for (std::uint32_t i = 0; i < 48; ++i)
    all.ids.push_back(i);  // 16 rows in 4 groups
  const std::vector<std::size_t> rows{1, 6, 15};
  const sampled_rows some = take_rows(all, rows, 2);
  CHECK(some.tokens.ids == std::vector<std::uint32_t>{3, 4, 18, 19, 45, 46});
  CHECK(some.tokens.context == 2);
  CHECK(some.group_of_row == std::vector<std::uint32_t>{0, 1, 3});
  CHECK(some.groups == 4);
  CHECK(some.filled_groups() == 3);
  CHECK(sampled_rows{}.filled_groups() == 0);
  CHECK(take_rows(all, rows, 9).tokens.context == 3);
}

}  // namespace steering_steering_sample_test

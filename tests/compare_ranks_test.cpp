// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/ranks.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_ranks_test {

using qfa_test::draw;
using qfa_test::not_a_number;

TEST_CASE("mid_ranks: equal values share the mean of their places") {
  CHECK(qfa::mid_ranks(std::vector{3.0, 1.0, 2.0}) == std::vector{3.0, 1.0, 2.0});
  CHECK(qfa::mid_ranks(std::vector{5.0, 1.0, 5.0, 5.0, 9.0}) == std::vector{3.0, 1.0, 3.0, 3.0, 5.0});
  CHECK(qfa::mid_ranks(std::vector{0.0, -0.0}) == std::vector{1.5, 1.5});
  CHECK(qfa::mid_ranks(std::vector{qfa_test::infinity, -qfa_test::infinity, 0.0}) == std::vector{3.0, 1.0, 2.0});
  CHECK(qfa::mid_ranks(std::vector<double>{}).empty());
}

TEST_CASE("mid_ranks: a rank is one half more than the values below it and half of its equals") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::vector<double> values = draw(seed + 1, seed, 7);
    const std::vector<double> ranks = qfa::mid_ranks(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      double expected = 0.5;
      for (const double v : values)
        expected += v < values[i] ? 1.0 : v == values[i] ? 0.5 : 0.0;
      CHECK(ranks[i] == expected);
    }
  }
}

TEST_CASE("mid_ranks: agree with scipy") {
  const qfa::json stored = qfa_test::read_data("compare.json").at("pairs");
  for (const auto& pair : stored) {
    CHECK(qfa::mid_ranks(qfa_test::numbers(pair.at("x"))) == qfa_test::numbers(pair.at("ranks_x")));
    CHECK(qfa::mid_ranks(qfa_test::numbers(pair.at("y"))) == qfa_test::numbers(pair.at("ranks_y")));
  }
}

TEST_CASE("mid_ranks: NaN has no place in an order") {
  CHECK_THROWS_AS(qfa::mid_ranks(std::vector{1.0, not_a_number}), qfa::error);
}

TEST_CASE("for_each_tie: members of a tie come in order of their indices") {
  std::vector<std::size_t> seen;
  const std::vector<double> values{2.0, 1.0, 2.0, 1.0, 2.0};
  qfa::for_each_tie(values, [&](std::size_t first, std::size_t last, auto order) {
    for (std::size_t i = first; i < last; ++i)
      seen.push_back(order[i]);
  });
  CHECK(seen == std::vector<std::size_t>{1, 3, 0, 2, 4});
}

TEST_CASE("count_ties: groups, members and pairs") {
  CHECK(qfa::count_ties(std::vector{1.0, 2.0, 3.0}) == qfa::tie_counts{});
  CHECK(qfa::count_ties(std::vector{1.0, 2.0, 1.0, 2.0, 1.0, 7.0}) == qfa::tie_counts{2, 5, 4});
  const std::vector<double> values = draw(100, 5, 9);
  std::uint64_t pairs = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      pairs += values[i] == values[j];
  CHECK(qfa::count_ties(values).pairs == pairs);
}

TEST_CASE("strata_by_rank: deciles of distinct values hold a tenth each, lowest first") {
  const std::vector<double> values = draw(1000, 3);
  const std::vector<std::uint32_t> stratum = qfa::strata_by_rank(values, 10);
  std::vector<int> members(10);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ++members.at(stratum[i]);
    for (std::size_t j = 0; j < i; ++j)
      if (stratum[i] < stratum[j]) REQUIRE(values[i] < values[j]);
  }
  CHECK(members == std::vector<int>(10, 100));
}

TEST_CASE("strata_by_rank: sizes differ by one where the number does not divide") {
  const std::vector<std::uint32_t> stratum = qfa::strata_by_rank(draw(1003, 4), 10);
  std::vector<int> members(10);
  for (const std::uint32_t s : stratum)
    ++members.at(s);
  for (const int m : members)
    CHECK((m == 100 || m == 101));
}

TEST_CASE("strata_by_rank: equal values share a stratum") {
  CHECK(qfa::strata_by_rank(std::vector{1.0, 1.0, 1.0, 1.0, 2.0}, 5) == std::vector<std::uint32_t>{2, 2, 2, 2, 4});
  CHECK(qfa::strata_by_rank(std::vector{1.0}, 10) == std::vector<std::uint32_t>{5});
  CHECK(qfa::strata_by_rank(std::vector{4.0, 3.0}, 1) == std::vector<std::uint32_t>{0, 0});
  CHECK_THROWS_AS(qfa::strata_by_rank(std::vector{1.0}, 0), qfa::error);
}

}  // namespace compare_ranks_test

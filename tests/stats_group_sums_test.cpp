// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/group_sums.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/model/loss_sums.hpp"
#include "scratch.hpp"

namespace stats_group_sums_test {

using qfa::group_sums;
using qfa::loss_sum;

namespace {

/// Numbers of which every order of adding has other last digits.
double number(std::size_t i) { return 1.0 / static_cast<double>(3 + 7 * i * i) * (i % 3 == 0 ? 1e6 : 1.0); }

}  // namespace

TEST_CASE("group_sums: whoever fills the groups, their total has the bits of adding up group by group") {
  constexpr std::size_t groups = 6, tokens = 5;
  const auto fill = [&](group_sums<loss_sum>& into, std::size_t g) {
    for (std::size_t t = 0; t < tokens; ++t)
      into[g](number(g * tokens + t));
  };
  loss_sum by_hand;
  for (std::size_t g = 0; g < groups; ++g) {
    loss_sum group;
    for (std::size_t t = 0; t < tokens; ++t)
      group(number(g * tokens + t));
    by_hand += group;
  }
  // Every assignment of six groups to two parts.
  for (unsigned who = 0; who < (1U << groups); ++who) {
    group_sums<loss_sum> parts[2]{group_sums<loss_sum>(groups), group_sums<loss_sum>(groups)};
    for (std::size_t g = groups; g-- > 0;)
      fill(parts[who >> g & 1U], g);
    group_sums<loss_sum> all;
    all += parts[1];
    all += parts[0];
    all += group_sums<loss_sum>();
    CHECK(all.total() == by_hand);
    CHECK(all.groups() == groups);
  }
}

TEST_CASE("group_sums: other numbers of groups are refused") {
  group_sums<loss_sum> three(3);
  qfa_test::check_refused([&] { three += group_sums<loss_sum>(2); }, {"groups"});
}

TEST_CASE("group_sums: joined groups are added up in their order") {
  group_sums<loss_sum> sums(5);
  for (std::size_t g = 0; g < 5; ++g)
    sums[g](number(g));
  const std::vector<std::uint32_t> places{0, 0, 1, 1, 1};
  const group_sums<loss_sum> joined = sums.joined(places);
  REQUIRE(joined.groups() == 2);
  loss_sum first = sums[0], second = sums[2];
  first += sums[1];
  second += sums[3];
  second += sums[4];
  CHECK(joined[0] == first);
  CHECK(joined[1] == second);
  CHECK(group_sums<loss_sum>().joined({}).groups() == 0);
  qfa_test::check_refused([&] { (void)sums.joined(std::vector<std::uint32_t>{0, 0, 1}); }, {"a place for each"});
}

}  // namespace stats_group_sums_test

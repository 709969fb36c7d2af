// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/block_length.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/core/error.hpp"

namespace stats_block_length_test {

namespace {

using series = std::vector<double>;

/// An autoregressive series: each value remembers `share` of the one before.
series remembering(double share, std::size_t n, unsigned seed) {
  series x = qfa_test::draw(n, seed);
  for (std::size_t t = 1; t < n; ++t)
    x[t] = share * x[t - 1] + (x[t] - 0.5);
  return x;
}

}  // namespace

TEST_CASE("block_length: agrees with an independent account of Politis and White's rule") {
  const qfa::json block_length = qfa_test::read_data("uncertainty.json").at("block_length");
  REQUIRE(block_length.size() > 4);
  for (const auto& at : block_length) {
    CAPTURE(at.at("name").get<std::string>());
    const series x = at.at("x").get<series>();
    CHECK(qfa_test::close(qfa::block_length(x), at.at("block_length").get<double>(), 1e-9));
  }
}

TEST_CASE("block_length: neither place nor unit matters, and memory lengthens blocks") {
  const series x = remembering(0.8, 500, 1);
  series moved = x;
  for (double& v : moved)
    v = 1000.0 * v + 3.0;
  CHECK(qfa_test::close(qfa::block_length(moved), qfa::block_length(x), 1e-9));
  CHECK(qfa::block_length(x) > 2.0 * qfa::block_length(remembering(0.2, 500, 1)));
}

TEST_CASE("block_length: nothing is known of few values, constants and what is not finite") {
  CHECK(std::isnan(qfa::block_length(qfa_test::draw(15, 1))));
  CHECK_FALSE(std::isnan(qfa::block_length(qfa_test::draw(16, 1))));
  CHECK(std::isnan(qfa::block_length(series(50, 2.0))));
  series broken = qfa_test::draw(50, 1);
  broken[7] = qfa_test::infinity;
  CHECK(std::isnan(qfa::block_length(broken)));
}

TEST_CASE("check_group_length: groups are halved until they hold two blocks, by the longest series") {
  const qfa::row_groups groups(400);  // 64 groups of 6.25 rows
  const std::vector<series> loose{qfa_test::draw(400, 3)};
  const qfa::group_length_check well = qfa::check_group_length(groups, loose);
  REQUIRE(well.block_length < 3.0);
  CHECK(well.long_enough());
  CHECK(well.advised == 64);

  const std::vector<series> bound{qfa_test::draw(400, 3), remembering(0.9, 400, 2)};
  const qfa::group_length_check tight = qfa::check_group_length(groups, bound);
  CHECK(tight.block_length == qfa::block_length(bound[1]));
  CHECK_FALSE(tight.long_enough());
  const double needed = 2.0 * tight.block_length;
  CHECK(400.0 / static_cast<double>(tight.advised) >= needed);
  CHECK(400.0 / static_cast<double>(2 * tight.advised) < needed);
  CHECK(64 % tight.advised == 0);
}

TEST_CASE("check_group_length: without a series that says something, groups stay as they are") {
  const qfa::row_groups groups(400);
  const std::vector<series> constant{series(400, 1.0)};
  CHECK(qfa::check_group_length(groups, constant).long_enough());
  CHECK(std::isnan(qfa::check_group_length(groups, constant).block_length));
  const std::vector<series> shorter{series(399, 1.0)};
  CHECK_THROWS_AS(qfa::check_group_length(groups, shorter), qfa::error);
}

TEST_CASE("lengthen: neighbors are joined until a group holds two blocks, and 8 groups are left at least") {
  const qfa::row_groups groups(640);  // 64 of 10 rows
  const auto left = [&](double length) { return qfa::lengthen(groups, length).groups(); };
  CHECK(left(5.0) == 64);  // two blocks of 5 rows just fit
  CHECK(left(5.01) == 32);
  CHECK(left(10.0) == 32);
  CHECK(left(19.0) == 16);
  CHECK(left(40.0) == 8);
  CHECK(left(1000.0) == 8);
  CHECK(left(std::nan("")) == 64);
  CHECK(qfa::lengthen(qfa::row_groups(60), 1000.0).groups() == 15);  // half of 15 would be 7
  CHECK(qfa::lengthen(qfa::row_groups(68), 1000.0).groups() == 8);
  CHECK(qfa::lengthen(groups, 19.0) == groups.halved().halved());
}

TEST_CASE("block_length: of a part of the rows it is less by the cube root, and says how many rows would do") {
  CHECK(qfa::block_length_of_part(12.0, 800, 100) == doctest::Approx(6.0).epsilon(1e-12));
  CHECK(qfa::block_length_of_part(12.0, 800, 800) == 12.0);
  CHECK(std::isnan(qfa::block_length_of_part(std::nan(""), 800, 100)));
  // 6 rows for 100 are 11.52 for 100 * 1.92^3 = 707.8, of which 8 groups hold two blocks each: hardly more is needed.
  const double rows = qfa::rows_long_enough(6.0, 100);
  CHECK(rows == doctest::Approx(96.0 * std::sqrt(0.96)).epsilon(1e-12));
  CHECK(qfa::block_length_of_part(6.0, 100, 100) * 16.0 <= 100.0);
  for (const double length : {10.0, 50.0}) {
    const double enough = qfa::rows_long_enough(length, 160);
    CHECK(16.0 * length * std::cbrt(enough / 160.0) == doctest::Approx(enough).epsilon(1e-12));
  }
}

TEST_CASE("check_group_length: a length that is known, or not, against groups") {
  const qfa::row_groups groups(160, 8);  // of 20 rows
  CHECK(qfa::check_group_length(groups, 10.0).long_enough());
  const qfa::group_length_check shorter = qfa::check_group_length(groups, 20.0);
  CHECK(shorter.block_length == 20.0);
  CHECK(shorter.groups == 8);
  CHECK(shorter.advised == 4);
  CHECK(qfa::check_group_length(groups, 50.0).advised == 1);
  CHECK(qfa::check_group_length(groups, 0.0).long_enough());
  CHECK(std::isnan(qfa::check_group_length(groups, std::nan("")).block_length));
}

}  // namespace stats_block_length_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/interval_censored.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace bits_interval_censored_test {

using namespace qfa;
using qfa_test::close;
using qfa_test::infinity;

TEST_CASE("fit_turnbull: overlapping and open intervals give the oracle's masses") {
  const json data = qfa_test::read_data("effective_bits.json");
  for (const json& one : data.at("censored")) {
    std::vector<censored_value> given;
    for (std::size_t i = 0; i < one.at("lower").size(); ++i) {
      const double lower = qfa_test::number(one.at("lower")[i]), upper = qfa_test::number(one.at("upper")[i]);
      given.push_back({std::isnan(lower) ? -infinity : lower, std::isnan(upper) ? infinity : upper});
    }
    const turnbull_curve got = fit_turnbull(given);
    CHECK(got.converged);
    const json& inner = one.at("inner");
    REQUIRE(got.intervals.size() == inner.size());
    for (std::size_t i = 0; i < inner.size(); ++i) {
      CHECK((inner[i][0].is_null() ? std::isinf(got.intervals[i].lower)
                                   : got.intervals[i].lower == inner[i][0].get<double>()));
      CHECK((inner[i][1].is_null() ? std::isinf(got.intervals[i].upper)
                                   : got.intervals[i].upper == inner[i][1].get<double>()));
      // Both iterate until nothing moves, and near a mass of 0 the last steps are slow.
      CHECK(close(got.mass[i], one.at("mass")[i].get<double>(), 1e-6));
    }
    for (std::size_t i = 0; i < one.at("at").size(); ++i)
      CHECK(close(got.at_most(one.at("at")[i].get<double>()), one.at("survive")[i].get<double>(), 1e-6));
  }
}

TEST_CASE("fit_turnbull: intervals apart have their shares, and inside one nothing is known") {
  const std::vector<censored_value> apart{{3.0, 4.0}, {4.0, 5.0}, {4.0, 5.0}, {8.0, infinity}};
  const turnbull_curve curve = fit_turnbull(apart);
  CHECK(curve.mass == std::vector<double>{0.25, 0.5, 0.25});
  CHECK(curve.at_most(4.0) == 0.25);
  CHECK(curve.may_be_at_most(4.0) == 0.25);
  CHECK(curve.at_most(4.5) == 0.25);
  CHECK(curve.may_be_at_most(4.5) == 0.75);
  CHECK(curve.at_most(8.0) == 0.75);
  CHECK(fit_turnbull({}).mass.empty());
  const std::vector<censored_value> empty{{4.0, 4.0}};
  CHECK_THROWS_AS(fit_turnbull(empty), error);
}

}  // namespace bits_interval_censored_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/rogan_gladen.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "alignment_oracle.hpp"
#include "laws.hpp"
#include "scratch.hpp"

namespace stats_rogan_gladen_test {

using qfa_test::close;
using qfa_test::json_number;

TEST_CASE("corrected_rate: another program's rates") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("rogan_gladen")) {
    const double observed = json_number(known.at("observed"));
    const qfa::judge_error judge{json_number(known.at("sensitivity")), json_number(known.at("specificity"))};
    const double expected = json_number(known.at("corrected"));
    CAPTURE(observed);
    if (std::isnan(expected))
      qfa_test::check_refused([&] { qfa::corrected_rate(observed, judge); }, {"add up to more than 1"});
    else
      CHECK(close(qfa::corrected_rate(observed, judge), expected));
  }
}

TEST_CASE("corrected_rate: finds the rate that a judge's errors distorted, and is not clipped") {
  const qfa::judge_error judge{.sensitivity = 0.9, .specificity = 0.8};
  for (const double truth : {0.0, 0.2, 0.5, 1.0})
    CHECK(close(qfa::corrected_rate(truth * 0.9 + (1.0 - truth) * 0.2, judge), truth));
  CHECK(qfa::corrected_rate(0.1, judge) < 0.0);
  CHECK(qfa::corrected_rate(0.95, judge) > 1.0);
  CHECK(close(qfa::corrected_rate(0.37, {}), 0.37));
  const qfa::bounds carried = qfa::corrected_bounds({0.2, 0.9}, judge);
  CHECK(close(carried.lower, 0.0));
  CHECK(close(carried.upper, 1.0));
}

TEST_CASE("corrected_rate: rates that are none are refused") {
  qfa_test::check_refused([] { qfa::corrected_rate(0.5, {1.5, 0.9}); }, {"1.5", "0.9"});
  qfa_test::check_refused([] { qfa::corrected_rate(0.5, {0.9, -0.1}); }, {"shares"});
  qfa_test::check_refused([] { qfa::corrected_rate(0.5, {std::nan(""), 0.9}); }, {"shares"});
}

}  // namespace stats_rogan_gladen_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/confirmed.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"
#include "statistics_oracle.hpp"

namespace survival_confirmed_test {

using qfa::census_verdict;

namespace {

/// A survey of one feature with this r, this error of atanh r and this many effective groups.
qfa::survey one_feature(double r, double error, double effective) {
  qfa::survey s;
  s.rules = qfa::honest;
  s.counted = {0};
  s.correlations.r = {r};
  s.correlations.evidence = {{.groups = 64, .effective = effective}};
  qfa::interval range;
  range.kind = std::isnan(r)  ? qfa::interval_kind::refused
               : error == 0.0 ? qfa::interval_kind::at_least
                              : qfa::interval_kind::two_sided;
  range.scale_error = error;
  range.dof = effective - 1.0;
  s.correlations.ranges = {range};
  return s;
}

}  // namespace

TEST_CASE("test_threshold: p-values of a known t") {
  // atanh r is atanh .9 + 2.5 errors, 24 effective groups: t(23) beyond 2.5.
  const double error = 0.1;
  const double r = std::tanh(std::atanh(0.9) + 2.5 * error);
  const qfa::threshold_test test = qfa::test_threshold(one_feature(r, error, 24.0), 0, 0.9);
  CHECK(test.against_lower == doctest::Approx(0.0099970611639435418).epsilon(1e-10));
  CHECK(test.against_higher == doctest::Approx(1.0 - 0.0099970611639435418).epsilon(1e-10));
}

TEST_CASE("test_threshold: the side of the longer tail needs more, and agrees with the interval's end") {
  const double error = 0.1, t = qfa::student_quantile(0.95, 23.0);
  qfa::survey s = one_feature(std::tanh(std::atanh(0.9) + qfa::skewed_reach(t, 0.4) * error), error, 24.0);
  s.correlations.ranges[0].skewness = -0.4;  // a loss that few groups show: the lower end lies at .9
  CHECK(qfa::test_threshold(s, 0, 0.9).against_lower == doctest::Approx(0.025).epsilon(1e-9));
  s.correlations.r[0] = std::tanh(std::atanh(0.9) - t * error);  // from below the tail points away
  CHECK(qfa::test_threshold(s, 0, 0.9).against_higher == doctest::Approx(0.025).epsilon(1e-9));
  s.correlations.ranges[0].skewness = 0.4;
  CHECK(qfa::test_threshold(s, 0, 0.9).against_higher > 0.04);
}

TEST_CASE("test_threshold: a perfect feature and a silent one have no error, and still an exact chance") {
  const qfa::threshold_test perfect = qfa::test_threshold(one_feature(1.0, 0.0, 10.0), 0, 0.9);
  CHECK(perfect.against_lower == doctest::Approx(std::pow(0.81, 10.0)));
  CHECK(perfect.against_higher == 1.0);
  const qfa::threshold_test silent = qfa::test_threshold(one_feature(std::nan(""), 0.0, 10.0), 0, 0.9);
  CHECK(silent.against_lower == 1.0);
  CHECK(silent.against_higher == doctest::Approx(std::pow(0.19, 10.0)));
}

TEST_CASE("confirm: clear features get a verdict, one near the threshold stays undecided") {
  CHECK(qfa::confirm(one_feature(0.99, 0.1, 30.0)) == std::vector<census_verdict>{census_verdict::confirmed_survived});
  CHECK(qfa::confirm(one_feature(0.5, 0.1, 30.0)) == std::vector<census_verdict>{census_verdict::confirmed_not});
  CHECK(qfa::confirm(one_feature(0.91, 0.1, 30.0)) == std::vector<census_verdict>{census_verdict::undecided});
  CHECK(qfa::confirm(one_feature(0.5, 0.1, 30.0), 0.2) ==
        std::vector<census_verdict>{census_verdict::confirmed_survived});
  CHECK_THROWS_AS(qfa::confirm(one_feature(0.5, 0.1, 30.0), 1.0), qfa::error);
}

TEST_CASE("confirm: verdicts never contradict the bands, and the dead are confirmed") {
  const qfa_test::statistics_oracle oracle;
  const qfa::survey s = qfa::take_survey(oracle.table("a"), qfa::honest);
  const std::vector<census_verdict> verdicts = qfa::confirm(s);
  REQUIRE(verdicts.size() == s.counted.size());
  std::size_t undecided = 0;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const std::uint32_t f = s.counted[i];
    CAPTURE(f);
    if (verdicts[i] == census_verdict::confirmed_survived) CHECK(s.outcomes[f] == qfa::outcome::survived);
    if (verdicts[i] == census_verdict::confirmed_not) CHECK(s.outcomes[f] != qfa::outcome::survived);
    if (f == 3) CHECK(verdicts[i] == census_verdict::confirmed_not);  // dead
    if (f == 0) CHECK(verdicts[i] != census_verdict::confirmed_not);  // identical
    undecided += verdicts[i] == census_verdict::undecided;
  }
  CHECK(undecided > 0);
  CHECK(undecided < verdicts.size());
}

TEST_CASE("verdict: every one has a name of its own") {
  const std::set<std::string_view> names(qfa::census_verdict_names.begin(), qfa::census_verdict_names.end());
  CHECK(names.size() == 3);
  CHECK(qfa::census_verdict_names[static_cast<std::size_t>(census_verdict::undecided)] == "undecided");
}

}  // namespace survival_confirmed_test

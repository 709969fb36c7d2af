// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/between_runs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "scratch.hpp"

namespace stats_between_runs_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

/// Two features over two groups.
leave_one_out run(std::vector<double> r, std::vector<float> shift) {
  leave_one_out out;
  out.groups = 2;
  out.r = std::move(r);
  out.shift = std::move(shift);
  return out;
}

}  // namespace

TEST_CASE("place_between: where a cost lies on the line through two others, of all groups and without each") {
  const group_deletions policy{0.125, {0.25, 0.0}}, nearest{0.0, {0.125, 0.25}}, across{0.5, {0.375, 0.5}};
  const group_deletions place = place_between(policy, nearest, across);
  CHECK(place.whole == 0.25);
  CHECK(place.without == std::vector<double>{0.5, -1.0});
  check_refused([&] { place_between({0.0, {1.0}}, nearest, across); }, {"same groups"});
}

TEST_CASE("interpolate: r at the place, and without a group at the place that there is without it") {
  const leave_one_out first = run({0.75, 0.5}, {0.125f, 0.0f, 0.0f, -0.25f});
  const leave_one_out second = run({0.25, 0.5}, {0.125f, 0.25f, 0.25f, 0.0f});
  const leave_one_out at = interpolate(first, second, {0.25, {0.5, -1.0}});
  CHECK(at.groups == 2);
  CHECK(at.r == std::vector<double>{0.625, 0.5});
  // Without the first group .875 and .375 half way, .5 and .75; without the second .75 and .5 at -1: beyond 1, cut.
  CHECK(at.without(0, 0) == 0.625);
  CHECK(at.without(0, 1) == 0.625);
  CHECK(at.without(1, 0) == 1.0);
  CHECK(at.without(1, 1) == 0.0);
  const leave_one_out lost = run({std::numeric_limits<double>::quiet_NaN(), 0.5}, {0.0f, 0.0f, 0.0f, 0.0f});
  CHECK(std::isnan(interpolate(first, lost, {0.25, {0.5, 0.5}}).r[0]));
  check_refused([&] { interpolate(first, second, {0.25, {0.5}}); }, {"same rows"});
  check_refused([&] { interpolate(first, run({0.5}, {0.0f, 0.0f}), {0.25, {0.5, 0.5}}); }, {"same dictionary"});
}

}  // namespace stats_between_runs_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/smoothed_count.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "qfa/core/error.hpp"

namespace stats_smoothed_count_test {

using doctest::Approx;
using qfa::interval_kind;

namespace {

/// r of three features and of 8 groups, two of which move the second feature across .9, up and down.
qfa::leave_one_out made() {
  qfa::leave_one_out r;
  r.groups = 8;
  r.r = {0.5, 0.91, 0.99};
  r.shift.assign(24, 0.0f);
  r.shift[1] = -0.02f;
  r.shift[4] = 0.01f;
  qfa::interval known;
  known.kind = interval_kind::two_sided;
  known.scale_error = 0.2;
  known.dof = 4.0;
  r.ranges = {known, known, qfa::interval{}};
  r.evidence.resize(3);
  return r;
}

double survives(double r, double h) { return qfa::chance_above(std::atanh(r), std::atanh(0.9), h); }

}  // namespace

TEST_CASE("chance_above: the normal distribution over six bandwidths, and a step beyond or without one") {
  CHECK(qfa::chance_above(1.0, 1.0, 0.3) == 0.5);
  CHECK(qfa::chance_above(1.3, 1.0, 0.3) == Approx(0.84134474606854293).epsilon(1e-14));  // Phi(1)
  CHECK(qfa::chance_above(0.7, 1.0, 0.3) == Approx(0.15865525393145707).epsilon(1e-14));
  CHECK(qfa::chance_above(1.0 + 1.79, 1.0, 0.3) < 1.0);
  CHECK(qfa::chance_above(1.0 + 1.81, 1.0, 0.3) == 1.0);
  CHECK(qfa::chance_above(1.0 - 1.81, 1.0, 0.3) == 0.0);
  CHECK(qfa::chance_above(1.0, 1.0, 0.0) == 0.0);  // strict, as survival is
  CHECK(qfa::chance_above(1.0 + 1e-12, 1.0, 0.0) == 1.0);
  CHECK(qfa::chance_above(std::nan(""), 1.0, 0.3) == 0.0);
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(qfa::chance_above(infinite, 1.0, 0.3) == 1.0);
  CHECK(qfa::chance_above(1.0, infinite, 0.3) == 0.0);
}

TEST_CASE("bandwidth_of: se over 2 sqrt pi E abs t, and none where r has no two sides") {
  qfa::interval range;
  CHECK(qfa::bandwidth_of(range).broad == 0.0);
  range.kind = interval_kind::two_sided;
  range.scale_error = 0.2;
  range.dof = 4.0;  // E abs t = 1
  CHECK(qfa::bandwidth_of(range).fine == Approx(0.2 / (2.0 * std::sqrt(std::acos(-1.0)))).epsilon(1e-13));
  CHECK(qfa::bandwidth_of(range).broad == 0.2);
  range.dof = 1e7;  // E abs t = sqrt(2/pi)
  CHECK(qfa::bandwidth_of(range).fine == Approx(0.2 / (2.0 * std::sqrt(2.0))).epsilon(1e-6));
}

TEST_CASE("count_over: the value counts steps, its error and bias are those of the smoothed count") {
  const qfa::leave_one_out r = made();
  const std::vector<std::uint32_t> features{0, 1, 2};
  const auto sum = [](std::span<const double> chances, std::size_t) {
    return (chances[0] + chances[1] + chances[2]) / 3;
  };
  const qfa::estimate e = qfa::count_over(qfa::countable(r, features), survives, sum).concluded({});
  CHECK(e.value == Approx(2.0 / 3.0).epsilon(1e-15));
  const qfa::count_bandwidth h = qfa::bandwidth_of(r.ranges[0]);
  // Deletions are kept as floats.
  const double down = 0.91 - static_cast<double>(0.02f), up = 0.91 + static_cast<double>(0.01f);
  double squares = 0.0, drift = 0.0;
  for (const double moved : {down, up}) {
    const double fine = (survives(moved, h.fine) - survives(0.91, h.fine)) / 3.0;
    squares += fine * fine;
    drift += (survives(moved, h.broad) - survives(0.91, h.broad)) / 3.0;
  }
  const double error = std::sqrt(7.0 / 8.0 * squares), bias = 7.0 * drift / 8.0;
  CHECK(e.range.standard_error == Approx(error).epsilon(1e-12));
  CHECK(e.bias_corrected == Approx(e.value - bias).epsilon(1e-12));
  REQUIRE(bias < 0.0);  // without noise more would survive: the upper end reaches for them
  CHECK(e.range.lower == Approx(e.value - 2.3646242515927853 * error).epsilon(1e-10));  // t(.975, 7)
  CHECK(e.range.upper == Approx(e.value + 2.3646242515927853 * error - bias).epsilon(1e-10));
}

TEST_CASE(
    "count_over: what no group moves is refused, and at a bound the statement is exact, as by the plain jackknife") {
  const qfa::leave_one_out r = made();
  const auto mean = [](std::span<const double> chances, std::size_t) {
    double total = 0.0;
    for (const double chance : chances)
      total += chance;
    return total / static_cast<double>(chances.size());
  };
  const std::vector<std::uint32_t> unmoved{0, 2}, lost{0};
  const qfa::jackknife_options on_logit{.scale = qfa::interval_scale::logit};
  CHECK(qfa::count_over(qfa::countable(r, unmoved), survives, mean).concluded(on_logit).range.kind ==
        interval_kind::refused);
  const qfa::estimate none = qfa::count_over(qfa::countable(r, lost), survives, mean).concluded(on_logit);
  CHECK(none.value == 0.0);
  CHECK(none.range.kind == interval_kind::at_most);
}

TEST_CASE("count_over: a corrected count stays on its scale, and a step that no group takes is not refused") {
  // A tenth of the features counts, and the smoothed count says that all of them do for noise.
  const std::vector<double> without{0.1, 0.11, 0.09, 0.1, 0.1, 0.12, 0.08, 0.1}, drifts(8, 0.3);
  qfa::counted_deletions low{
      .value = 0.1, .fine_value = 0.1, .broad_value = 0.1, .without = without, .fine = without, .broad = drifts};
  const qfa::jackknife_options on_logit{.scale = qfa::interval_scale::logit};
  CHECK(low.bias() == Approx(1.4));
  CHECK(low.concluded(on_logit).bias_corrected == 0.0);
  CHECK(low.concluded({}).bias_corrected == Approx(-1.3));  // no scale, no bound
  CHECK(qfa::jackknife(0.1, drifts, on_logit).bias_corrected == 0.0);
  low.broad.assign(8, -0.3);
  CHECK(low.concluded(on_logit).bias_corrected == 1.0);

  qfa::counted_deletions still = low;
  still.without.assign(8, 0.1);
  still.broad.assign(8, 0.1);
  const qfa::estimate e = still.concluded(on_logit);
  CHECK(e.range.kind == interval_kind::two_sided);
  CHECK(e.range.reason.empty());
  CHECK(e.range.standard_error == still.error());
  CHECK(e.range.lower < 0.1);
  CHECK(e.range.upper > 0.1);
  CHECK(still.concluded({.scale = qfa::interval_scale::logit, .dof = 3.0}).range.kind == interval_kind::refused);
  still.without[2] = std::nan("");
  CHECK(still.concluded(on_logit).range.kind == interval_kind::refused);
  still.value = 0.0;
  still.without.assign(8, 0.0);
  CHECK(still.concluded(on_logit).range.kind == interval_kind::at_most);
  CHECK(still.concluded({.scale = qfa::interval_scale::log}).range.kind == interval_kind::refused);
  still.value = 0.1;
  still.without.assign(7, 0.1);
  CHECK(still.concluded(on_logit).range.kind == interval_kind::refused);
}

TEST_CASE("countable: smooths over bandwidths that are given, one for each feature") {
  const qfa::leave_one_out r = made();
  const std::vector<std::uint32_t> features{0, 1};
  const auto fine = [](const qfa::count_bandwidth& h) { return h.fine; };
  const qfa::countable given(r, features, {{0.0, 0.0}, {0.5, 0.7}});
  CHECK(given.chances(8, survives, fine) == std::vector<double>{0.0, survives(0.91, 0.5)});
  CHECK_THROWS_AS(qfa::countable(r, features, {{0.1, 0.1}}), qfa::error);
}

TEST_CASE("count_over: of two conditions the same group is left out of both") {
  const qfa::leave_one_out r = made();
  const std::vector<std::uint32_t> features{0, 1, 2};
  const qfa::countable counted(r, features);
  const auto gap = [](std::span<const double> a, std::span<const double> b) { return a[1] - b[1]; };
  const qfa::counted_deletions same = qfa::count_over(counted, counted, survives, gap);
  CHECK(same.error() == 0.0);
  CHECK(same.bias() == 0.0);
  qfa::leave_one_out fewer = made();
  fewer.groups = 7;
  CHECK_THROWS_AS(qfa::count_over(counted, qfa::countable(fewer, features), survives, gap), qfa::error);
}

}  // namespace stats_smoothed_count_test

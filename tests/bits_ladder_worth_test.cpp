// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/ladder_worth.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "made_up_ladder.hpp"

namespace bits_ladder_worth_test {

using namespace qfa;
using qfa_test::made_correlations;
using qfa_test::made_ladder;

namespace {

ladder_worths measure(const made_ladder& made, const std::vector<const leave_one_out*>& conditions) {
  const std::vector<double> taus{0.9, 0.5};
  return measure_worth(feature_ladder(made.rungs(), made.features), conditions, taus);
}

}  // namespace

TEST_CASE("measure_worth: a condition of planted bits is worth just those, feature by feature, with an interval") {
  const made_ladder made(60);
  std::vector<double> nu = made.at(5.5);
  for (std::size_t f = 0; f < 12; ++f)
    nu[f] = made.laws[f](4.25);
  const leave_one_out condition = made_correlations(nu, 0.2, 77);
  const ladder_worths got = measure(made, {&condition});
  REQUIRE(got.conditions.size() == 1);
  const worth_in_bits& w = got.conditions[0];
  for (std::size_t f = 0; f < 60; ++f)
    CHECK(w.bits[f] == doctest::Approx(f < 12 ? 4.25 : 5.5).epsilon(1e-6));
  CHECK(w.median.bits.value == doctest::Approx(5.5).epsilon(1e-6));
  CHECK(w.worst_decile.bits.value == doctest::Approx(4.25).epsilon(1e-6));
  CHECK(w.at_least + w.at_most == 0);
  CHECK(w.median.bits.range.kind == interval_kind::two_sided);
  CHECK(w.median.bits.range.dof == 15.0);
  CHECK(w.median.bits.range.lower < 5.5);
  CHECK(w.median.bits.range.upper > 5.5);
  CHECK(w.median.bits.range.upper - w.median.bits.range.lower < 0.5);
}

TEST_CASE(
    "measure_worth: each feature's bits have their own interval, the same group left out of ladder and condition") {
  const made_ladder made(20);
  leave_one_out condition = made_correlations(made.at(5.5), 0.2, 78);
  condition.evidence[4] = {16, 9.0, 7.5};
  condition.evidence[5] = {16, 3.0, 3.0};
  condition.r[6] = 1.0;
  const worth_in_bits w = measure(made, {&condition}).conditions[0];
  const feature_ladder ladder(made.rungs(), made.features);
  REQUIRE(w.ranges.size() == 20);
  for (const std::size_t f : {std::size_t{2}, std::size_t{4}}) {
    CAPTURE(f);
    std::vector<double> without;
    double squares = 0.0;
    for (std::size_t g = 0; g < condition.groups; ++g) {
      const double r = condition.without(g, f);
      without.push_back(effective_bits(ladder.scales(g)[f], (1.0 - r * r) / (r * r)));
      squares += std::pow(without.back() - w.bits[f], 2);
    }
    CHECK(w.ranges[f].kind == interval_kind::two_sided);
    CHECK(w.ranges[f].standard_error == doctest::Approx(std::sqrt(15.0 / 16.0 * squares)).epsilon(1e-5));
    CHECK(w.ranges[f].dof == (f == 4 ? 6.5 : 15.0));
    const jackknife_options options{.dof = w.ranges[f].dof, .skewed = true};
    const interval expected = jackknife(w.bits[f], without, options).range;
    CHECK(w.ranges[f].lower == doctest::Approx(expected.lower).epsilon(1e-6));
    CHECK(w.ranges[f].upper == doctest::Approx(expected.upper).epsilon(1e-6));
    CHECK(w.ranges[f].lower < w.bits[f]);
  }
  CHECK(w.ranges[5].kind == interval_kind::refused);  // fewer than 5 effective groups
  CHECK(w.ranges[6].kind == interval_kind::refused);  // nothing happened to it
}

TEST_CASE("measure_worth: an interval that reaches beyond the ladder is cut at its end") {
  const made_ladder made(20);
  const leave_one_out condition = made_correlations(made.at(7.98), 3.0, 79);
  const worth_in_bits w = measure(made, {&condition}).conditions[0];
  CHECK(w.ranges[2].kind == interval_kind::at_least);
  CHECK(w.ranges[2].upper == 8.0);
  CHECK(w.ranges[2].lower < 7.98);
}

TEST_CASE("measure_worth: what a group does to the ladder and to the condition alike moves nothing") {
  made_ladder made(30);
  // Group g multiplies every nu by 2^(0.05 sin g).
  const auto shift_together = [](leave_one_out& r, const std::vector<double>& nu) {
    for (std::size_t g = 0; g < r.groups; ++g)
      for (std::size_t f = 0; f < nu.size(); ++f)
        r.shift[g * nu.size() + f] = static_cast<float>(
            qfa_test::correlation_of(nu[f] * std::exp2(0.05 * std::sin(static_cast<double>(g)))) - r.r[f]);
  };
  for (std::size_t s = 0; s < 6; ++s)
    shift_together(made.correlations[s], made.at(3.0 + static_cast<double>(s)));
  leave_one_out together = made_correlations(made.at(5.5), 0.0, 1), still = together;
  shift_together(together, made.at(5.5));
  const ladder_worths got = measure(made, {&together, &still});
  const auto width = [](const worth_in_bits& w) { return w.median.bits.range.upper - w.median.bits.range.lower; };
  CHECK(width(got.conditions[1]) > 0.1);
  CHECK(width(got.conditions[0]) < 1e-3 * width(got.conditions[1]));
}

TEST_CASE("measure_worth: no signal is worth at most the lowest rung, no damage at least the highest") {
  const made_ladder made(10);
  std::vector<double> nu = made.at(6.0);
  leave_one_out mixed = made_correlations(nu, 0.2, 5);
  const auto set = [&](std::size_t f, double r) {
    mixed.r[f] = r;
    for (std::size_t g = 0; g < mixed.groups; ++g)
      mixed.shift[g * 10 + f] = 0.0f;
  };
  set(0, 1.0);
  set(1, -0.5);
  set(2, std::numeric_limits<double>::quiet_NaN());
  const worth_in_bits w = measure(made, {&mixed}).conditions[0];
  CHECK(std::isinf(w.bits[0]));
  CHECK(w.bits[0] > 0.0);
  CHECK(w.bits[1] == -w.bits[0]);
  CHECK(w.bits[2] == -w.bits[0]);
  CHECK(w.at_least == 1);
  CHECK(w.at_most == 2);
  CHECK(w.median.censored == censoring::none);
  CHECK(w.median.bits.value == doctest::Approx(6.0).epsilon(1e-6));
  CHECK(w.worst_decile.censored == censoring::at_most);  // the first of ten
  CHECK(w.worst_decile.bits.value == 3.0);
}

TEST_CASE("measure_worth: features need the bits at which their laws cross, and the worst decile needs the most") {
  const made_ladder made(31);
  const ladder_worths got = measure(made, {});
  CHECK(got.conditions.empty());
  REQUIRE(got.breaks.size() == 2);
  std::vector<double> expected;
  for (const bits_scale& scale : feature_ladder(made.rungs(), made.features).scales())
    expected.push_back(bits_to_break(scale, 0.9));
  for (std::size_t f = 0; f < 31; ++f)
    CHECK(got.breaks[0].bits[f] == doctest::Approx(expected[f]).epsilon(1e-6));
  std::ranges::sort(expected);
  CHECK(got.breaks[0].median.bits.value == doctest::Approx(ladder_range{}.clamp(expected[15])).epsilon(1e-6));
  CHECK(got.breaks[0].worst_decile.bits.value == doctest::Approx(ladder_range{}.clamp(expected[27])).epsilon(1e-6));
  CHECK(got.breaks[1].bits[0] < got.breaks[0].bits[0]);
}

TEST_CASE("measure_worth: the same bits for every number of threads, and other rows are refused") {
  const made_ladder made(40);
  const leave_one_out condition = made_correlations(made.at(4.7), 0.3, 8);
  set_thread_count(1);
  const ladder_worths one = measure(made, {&condition});
  for (const std::size_t threads : {2U, 3U}) {
    set_thread_count(threads);
    const ladder_worths more = measure(made, {&condition});
    CHECK(more.conditions[0].bits == one.conditions[0].bits);
    CHECK(more.conditions[0].median.bits.range.lower == one.conditions[0].median.bits.range.lower);
    CHECK(more.breaks[1].worst_decile.bits.range.upper == one.breaks[1].worst_decile.bits.range.upper);
  }
  leave_one_out other = condition;
  other.groups = 8;
  CHECK_THROWS_AS(measure(made, {&other}), error);
}

}  // namespace bits_ladder_worth_test

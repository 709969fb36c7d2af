// SPDX-License-Identifier: Apache-2.0
#include "qfa/allocate/held_out.hpp"

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "scratch.hpp"

namespace allocate_held_out_test {

using qfa::comparison_sum;
using qfa::feature_noise;
using qfa::held_out_mix;

namespace {

constexpr std::size_t groups = 10;
const std::vector<double> weights{1.0, 1.0, 2.0};

/// Three features, whose noise without each group moves by up to a tenth.
feature_noise noisy(std::vector<double> noise, unsigned seed) {
  std::mt19937 random(seed);
  feature_noise out;
  out.groups = groups;
  out.all = std::move(noise);
  for (std::size_t g = 0; g < groups; ++g)
    for (const double nu : out.all)
      out.without.push_back(nu * (0.9 + static_cast<double>(random() % 1000) / 5000.0));
  return out;
}

std::vector<comparison_sum> losses(double nats) {
  std::vector<comparison_sum> out(groups);
  for (std::size_t g = 0; g < groups; ++g)
    for (std::size_t t = 0; t <= g; ++t)
      out[g]({1.0, 1.0, nats * static_cast<double>(1 + g % 3), true});
  return out;
}

}  // namespace

TEST_CASE("count_surviving: r above 0.9 is nu below 0.2346, strictly, and what has no nu does not survive") {
  const double limit = (1.0 - 0.81) / 0.81;
  const std::vector<double> noise{0.0, limit - 1e-9, limit + 1e-9, qfa_test::infinity, qfa_test::not_a_number};
  CHECK(qfa::count_surviving(noise) == 2);
  CHECK(qfa::count_surviving(noise, {.survives_above = 0.95}) == 1);
}

TEST_CASE("describe_mix: numbers of all groups and without each, losses by their tokens") {
  const feature_noise noise = noisy({0.1, 0.5, 200.0}, 1);
  const held_out_mix mix = qfa::describe_mix("mix", noise, losses(0.5), weights);
  CHECK(mix.whole.survived == 1.0);
  CHECK(mix.whole.median_noise == 0.5);
  CHECK(mix.whole.damage == (0.1 + 0.5 + 2.0 * 99.0) / 4.0);
  double nats = 0.0, tokens = 0.0;
  for (std::size_t g = 0; g < groups; ++g) {
    nats += static_cast<double>((g + 1) * (1 + g % 3)) * 0.5;
    tokens += static_cast<double>(g + 1);
  }
  CHECK(mix.whole.kl == doctest::Approx(nats / tokens));
  REQUIRE(mix.without.size() == groups);
  CHECK(mix.without[9].kl == doctest::Approx((nats - 10.0 * 1 * 0.5) / (tokens - 10.0)));
  CHECK(mix.without[3].median_noise == noise.without[3 * 3 + 1]);
  CHECK(mix.survived_share().value == doctest::Approx(1.0 / 3.0));
  CHECK(mix.kl().range.lower < mix.whole.kl);
  qfa_test::check_refused([&] { qfa::describe_mix("mix", noise, {}, weights); }, {"losses of each group"});
}

TEST_CASE("correlations_of: r is 1 over the root of 1 + nu, with its interval on atanh") {
  const feature_noise noise = noisy({0.0, 1.0, qfa_test::infinity, 0.2}, 3);
  const qfa::leave_one_out r = qfa::correlations_of(noise);
  CHECK(r.groups == groups);
  CHECK(r.r[0] == 1.0);
  CHECK(r.r[1] == doctest::Approx(std::sqrt(0.5)));
  CHECK(r.r[2] == 0.0);
  CHECK(r.without(4, 3) == doctest::Approx(1.0 / std::sqrt(1.0 + noise.without_group(4)[3])));
  std::vector<double> without;
  for (std::size_t g = 0; g < groups; ++g)
    without.push_back(std::atanh(1.0 / std::sqrt(1.0 + noise.without_group(g)[3])));
  CHECK(r.ranges[3].scale_error == doctest::Approx(qfa::spread_of(std::atanh(r.r[3]), without)));
  CHECK(r.ranges[3].dof == 9.0);
}

TEST_CASE("describe_mix: smoothed counts and medians, which groups move though no feature crosses a limit") {
  // Of 9 features 5 have nu of .17 to .23, within a few of their errors of the limit of .2346; 3 are far above it.
  const feature_noise noise = noisy({0.17, 0.19, 0.2, 0.21, 0.23, 0.5, 0.9, 2.0, qfa_test::infinity}, 7);
  const held_out_mix mix = qfa::describe_mix("mix", noise, losses(0.5), std::vector<double>(9, 1.0));
  const qfa::leave_one_out r = qfa::correlations_of(noise);
  double smoothed = 0.0;
  for (std::size_t f = 0; f < 9; ++f) {
    const double h = qfa::bandwidth_of(r.ranges[f]).fine;
    smoothed += qfa::chance_above(std::atanh(r.r[f]), std::atanh(0.9), h);
  }
  CHECK(mix.whole.survived == 5.0);
  CHECK(mix.whole.smoothed == doctest::Approx(smoothed));
  CHECK(smoothed > 3.5);
  CHECK(smoothed < 5.0);
  CHECK(mix.whole.broadly < smoothed);
  // The share of the features below the smoothed median, each smoothed, is one half.
  for (const std::size_t but : {std::size_t{3}, groups}) {
    const qfa::held_out_numbers& numbers = but < groups ? mix.without[but] : mix.whole;
    double below = 0.0;
    for (std::size_t f = 0; f < 9; ++f) {
      const double z = std::atanh(but < groups ? r.without(but, f) : r.r[f]);
      below += qfa::chance_above(std::asinh(1.0 / std::sqrt(numbers.smoothed_median)), z,
                                 qfa::bandwidth_of(r.ranges[f]).fine);
    }
    CHECK(below / 9.0 == doctest::Approx(0.5));
  }
  CHECK(mix.whole.median_noise == 0.23);
  CHECK(mix.whole.smoothed_median != mix.whole.broad_median);

  // About the plain values, with the spread of the smoothed ones.
  std::vector<double> counts, medians;
  for (const qfa::held_out_numbers& n : mix.without) {
    counts.push_back(n.smoothed / 9.0);
    medians.push_back(n.smoothed_median);
  }
  CHECK(mix.survived_share().value == 5.0 / 9.0);
  CHECK(mix.survived_share().range.standard_error == doctest::Approx(qfa::spread_of(smoothed / 9.0, counts)));
  CHECK(mix.median_noise().value == 0.23);
  CHECK(mix.median_noise().range.standard_error == doctest::Approx(qfa::spread_of(mix.whole.smoothed_median, medians)));
}

TEST_CASE("compare_mixes: the difference as counted and as smoothed, both with the smoothed one's spread") {
  const std::vector<double> equal(5, 1.0);
  const held_out_mix a = qfa::describe_mix("a", noisy({0.17, 0.19, 0.21, 0.22, 0.5}, 1), losses(0.5), equal);
  const held_out_mix b = qfa::describe_mix("b", noisy({0.19, 0.21, 0.24, 0.26, 0.6}, 2), losses(0.5), equal);
  const qfa::mix_comparison c = qfa::compare_mixes(a, b);
  CHECK(c.survived.value == 2.0);
  CHECK(c.smoothed.value == a.whole.smoothed - b.whole.smoothed);
  CHECK(c.smoothed.value != 2.0);
  std::vector<double> rest, ratios;
  for (std::size_t g = 0; g < groups; ++g) {
    rest.push_back(a.without[g].smoothed - b.without[g].smoothed);
    ratios.push_back(a.without[g].smoothed_median / b.without[g].smoothed_median);
  }
  const double error = qfa::spread_of(c.smoothed.value, rest);
  CHECK(c.survived.range.standard_error == doctest::Approx(error));
  CHECK(c.smoothed.range.standard_error == doctest::Approx(error));
  CHECK(c.smoothed.range.lower < c.smoothed.value - 2.2 * error);  // Student's t of 9 degrees of freedom is 2.26
  CHECK(c.smoothed_median.value == a.whole.smoothed_median / b.whole.smoothed_median);
  CHECK(c.smoothed_median.range.standard_error == doctest::Approx(qfa::spread_of(c.smoothed_median.value, ratios)));
  CHECK(c.median_noise.value == 0.21 / 0.24);
}

TEST_CASE("compare_mixes: what two mixes share is no spread of their difference") {
  const held_out_mix a = qfa::describe_mix("a", noisy({0.1, 0.2, 0.5}, 1), losses(0.5), weights);
  const held_out_mix b = qfa::describe_mix("b", noisy({0.2, 0.4, 1.0}, 1), losses(0.25), weights);
  const held_out_mix c = qfa::describe_mix("c", noisy({0.2, 0.4, 1.0}, 2), losses(0.25), weights);
  const qfa::mix_comparison same_spread = qfa::compare_mixes(a, b), other_spread = qfa::compare_mixes(a, c);
  CHECK(same_spread.a == "a");
  CHECK(same_spread.survived.value == 1.0);
  CHECK(same_spread.median_noise.value == 0.5);
  CHECK(same_spread.damage.value == 0.5);
  CHECK(same_spread.kl.value == 2.0);
  CHECK(same_spread.damage.range.kind == qfa::interval_kind::refused);  // no group moves the ratio
  CHECK(other_spread.damage.range.standard_error > 0.01);
  CHECK(qfa::side_of(other_spread.damage, 1.0) == -1);
  CHECK(qfa::side_of(other_spread.damage, 0.0) == 1);
  CHECK(qfa::side_of(other_spread.damage, 0.5) == 0);
  CHECK(qfa::side_of(same_spread.damage, 1.0) == 0);
  held_out_mix fewer = b;
  fewer.without.pop_back();
  qfa_test::check_refused([&] { qfa::compare_mixes(a, fewer); }, {"same features and rows"});
}

}  // namespace allocate_held_out_test

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

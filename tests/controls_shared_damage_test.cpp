// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/shared_damage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_shared_damage_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr std::size_t width = 120;

/// Every feature is hurt by noise as much as by a draw of its own.
std::vector<float> at_random(unsigned seed) {
  std::mt19937 random(seed);
  return losses(width, [&](std::size_t) { return random() % 4 == 0; });
}

shared_damage judge(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& noise_a,
                    const std::vector<float>& noise_b) {
  const damage_sample sa = lossy_sample(a, 1), sb = lossy_sample(b, 2);
  const std::vector<damage_sample> na{lossy_sample(noise_a, 3)}, nb{lossy_sample(noise_b, 4)};
  const damage_controls order(lossy_table(a, 1), all_features(width));
  return {"a", "b", compare_with_null(sa, sb, na, nb), compare_order(order, sa, sb, na, nb)};
}

}  // namespace

TEST_CASE("shared_damage: two compressions that fail the same features, which noise does not, share a mode") {
  const std::vector<float> both = at_random(11);
  const shared_damage s = judge(both, both, at_random(12), at_random(13));
  CHECK(s.overlap.jaccard.value > 0.95);
  CHECK(s.overlap.null_jaccard.value < 0.4);
  CHECK(s.overlap.excess.value ==
        doctest::Approx(s.overlap.jaccard.value - s.overlap.null_jaccard.value).epsilon(1e-12));
  CHECK(s.overlap.controls == 2);
  CHECK(s.order.partial.value > s.order.null_partial + 0.3);
  CHECK(s.order.reliability_a > 0.7);
  CHECK(s.order.corrected > s.order.spearman);
  CHECK(s.verdict() == sharing::shared);
}

TEST_CASE("shared_damage: where noise fails the same features, a high Jaccard index is no shared mode") {
  const std::vector<float> weak = at_random(11);
  const shared_damage s = judge(weak, weak, weak, weak);
  CHECK(s.overlap.jaccard.value > 0.95);
  CHECK(std::fabs(s.overlap.excess.value) < 0.05);
  CHECK(s.verdict() != sharing::shared);
}

TEST_CASE(
    "shared_damage: two compressions that fail features of their own are told apart from noise that fails either's") {
  // Strong enough for most: where every group says the same to the bit there is no interval.
  const std::vector<float> a = losses(
      width, [](std::size_t f) { return f % 4 == 0; }, 0.75f);
  const std::vector<float> b = losses(
      width, [](std::size_t f) { return f % 4 == 1; }, 0.75f);
  const shared_damage s = judge(a, b, b, a);  // the noise of one fails what the other does
  CHECK(s.overlap.jaccard.value < 0.05);
  CHECK(s.overlap.null_jaccard.value > 0.6);
  CHECK(s.verdict() == sharing::not_shared);
}

TEST_CASE("shared_damage: the null has as many failures as the compression that it stands for") {
  const damage_sample a = lossy_sample(losses(width, [](std::size_t f) { return f < 25; }), 1);
  const damage_sample b = lossy_sample(losses(width, [](std::size_t f) { return f < 10; }), 2);
  // Noise that hurts all features, the first 10 the most: at b's count it fails just those.
  const std::vector<damage_sample> noise{lossy_sample(losses(
                                                          width, [](std::size_t f) { return f < 10; }, 3.0f, 1.0f),
                                                      3)};
  const null_overlap found = compare_with_null(a, b, {}, noise);
  CHECK(found.sizes == set_sizes{.a = 25, .b = 10, .both = 10, .population = width});
  CHECK(found.null_jaccard.value == doctest::Approx(10.0 / 25.0));
  CHECK(compare_with_null(a, b, {}, {}).controls == 0);
  CHECK(std::isnan(compare_with_null(a, b, {}, {}).excess.value));
  const damage_sample other = lossy_sample({0.1f}, 1);
  CHECK_THROWS_AS(compare_with_null(a, other, {}, {}), error);
  damage_sample fewer = b;  // of the same features, on other groups
  fewer.groups = 8;
  CHECK_THROWS_AS(compare_with_null(a, fewer, {}, {}), error);
  CHECK_THROWS_AS(compare_with_null(a, b, std::vector{fewer}, {}), error);
}

TEST_CASE("shared_damage: a shared mode needs both J - J_null and the partial rho above 0 for sure") {
  const auto between = [](double lower, double upper) {
    estimate e;
    e.value = 0.5 * (lower + upper);
    e.range.kind = interval_kind::two_sided;
    e.range.lower = lower;
    e.range.upper = upper;
    return e;
  };
  shared_damage s;
  s.overlap.sizes = {.a = 5, .b = 5, .both = 3, .population = 20};
  s.overlap.controls = 1;
  s.overlap.excess = between(-0.1, 0.3);
  s.order.partial = between(0.2, 0.6);
  CHECK(s.verdict() == sharing::undetermined);
  s.overlap.excess = between(0.1, 0.3);
  CHECK(s.verdict() == sharing::shared);
  s.order.partial = between(-0.2, 0.6);
  CHECK(s.verdict() == sharing::undetermined);
  s.order.partial.range.upper = -0.1;
  CHECK(s.verdict() == sharing::not_shared);
}

TEST_CASE(
    "shared_damage: where J and J_null both reach what sets of their sizes can, no sign of their difference counts") {
  shared_damage s;
  s.overlap.sizes = {.a = 400, .b = 200, .both = 199, .population = 1000};
  s.overlap.controls = 2;
  s.overlap.excess.range = {.lower = 0.0001, .upper = 0.0007, .kind = interval_kind::two_sided};
  s.order.partial.range = {.lower = 0.2, .upper = 0.6, .kind = interval_kind::two_sided};
  CHECK(s.jaccard_ceiling() == 0.5);
  s.overlap.jaccard.value = 0.4960;
  s.overlap.null_jaccard.value = 0.4955;
  CHECK(s.verdict() == sharing::at_ceiling);
  s.overlap.excess.range.lower = -0.0007;
  s.overlap.excess.range.upper = -0.0001;
  CHECK(s.verdict() == sharing::at_ceiling);
  s.overlap.jaccard.value = 0.45;
  CHECK(s.verdict() == sharing::not_shared);
  s.overlap.excess.range.lower = 0.0001;
  s.overlap.excess.range.upper = 0.0007;
  s.overlap.jaccard.value = 0.4960;
  s.overlap.null_jaccard.value = 0.4945;  // 0.989 of the ceiling
  CHECK(s.verdict() == sharing::shared);
}

TEST_CASE("shared_damage: without failures or controls nothing is claimed") {
  const std::vector<float> none(width, 0.0f), some = at_random(11);
  CHECK(judge(none, some, some, some).verdict() == sharing::nothing_failed);
  shared_damage s = judge(some, some, some, some);
  s.overlap.controls = 0;
  CHECK(s.verdict() == sharing::no_control);
}

}  // namespace controls_shared_damage_test

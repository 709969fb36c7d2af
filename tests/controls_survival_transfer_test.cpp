// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/survival_transfer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_survival_transfer_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("transfer: damage that follows one order under a mild and a strong compression carries over") {
  std::vector<float> mild, strong;
  for (int f = 0; f < 100; ++f) {
    mild.push_back(0.002f * static_cast<float>(f));
    strong.push_back(0.01f * static_cast<float>(f));
  }
  const half_profiles profiles(lossy_table(mild, 1), all_features(100));
  const survival_transfer t = measure_transfer(profiles, lossy_sample(mild, 1, "8"), lossy_sample(strong, 2, "4"));
  CHECK(t.from == "8");
  CHECK(t.to == "4");
  CHECK(t.measured.value > 0.93);
  CHECK(t.minority > 20);
  CHECK(t.measured.range.kind == interval_kind::two_sided);
  CHECK(std::isnan(measure_transfer(profiles, lossy_sample(mild, 1), lossy_sample(std::vector<float>(100, 0.0f), 2))
                       .measured.value));
}

TEST_CASE("transfer: no AUC, measured or fitted, where the smaller class of a half has fewer than 25 features") {
  const auto transferred = [](std::size_t hurt) {
    const auto loss = losses(100, [hurt](std::size_t f) { return f < hurt; });
    return measure_transfer(half_profiles(lossy_table(loss, 1), all_features(100)), lossy_sample(loss, 1),
                            lossy_sample(loss, 2));
  };
  const survival_transfer few = transferred(24);
  CHECK(few.minority == 24);
  CHECK(std::isnan(few.measured.value));
  CHECK(std::isnan(few.fitted));
  CHECK(few.measured.range.kind == interval_kind::refused);
  CHECK(few.measured.range.reason == small_class);
  const survival_transfer enough = transferred(25);
  CHECK(enough.minority == 25);
  CHECK(enough.measured.value > 0.99);
}

TEST_CASE("transfer: score and label never come from the same tokens") {
  // Pure noise of one size: on the same tokens r would rank itself perfectly.
  const std::vector<float> loss(150, 0.65f);
  const damage_sample s = lossy_sample(loss, 1);
  const survival_transfer t = measure_transfer(half_profiles(lossy_table(loss, 1), all_features(150)), s, s);
  CHECK(t.measured.value < 0.85);
}

TEST_CASE("half_profiles: a group is missing from its own half alone, and nu ranks by rate over variance") {
  const feature_table table = lossy_table({0.1f, 0.1f, 0.1f}, 1);
  const half_profiles p(table, all_features(3));
  CHECK(p.groups() == 16);
  CHECK(p.of(false, 3).rate_to_variance == p.of(false, 16).rate_to_variance);
  CHECK(p.of(true, 3).rate_to_variance != p.of(true, 16).rate_to_variance);
  const feature_totals odd = table.total(1, group_selection::odd);
  CHECK(p.scores(true, 16, [](const half_profiles::half&, std::size_t) { return 2.0; })[1] ==
        doctest::Approx(-2.0 * static_cast<double>(odd.fired.reference_firings) / odd.all.xx));
  CHECK(p.of(true, 16).predictors.columns == all_predictors.size());
  CHECK(p.of(true, 16).nearby.empty());
}

TEST_CASE("half_profiles: firings near a threshold are a share of those of the same half, without the same group") {
  const feature_table table = lossy_table({0.1f, 0.1f, 0.1f}, 1);
  std::vector<std::uint32_t> nearby(16 * 3, 0);
  nearby[2 * 3 + 1] = 3;  // of feature 1, in group 2, which is even
  nearby[4 * 3 + 1] = 2;
  nearby[5 * 3 + 2] = 1;
  const std::vector<std::uint32_t> counted{0, 1};
  const half_profiles p(table, counted, nearby);
  const auto even = static_cast<double>(table.total(1, group_selection::even).fired.reference_firings);
  CHECK(p.of(false, 16).nearby == std::vector{0.0, 5.0 / even});
  CHECK(p.of(true, 16).nearby == std::vector{0.0, 0.0});
  const auto without_2 = even - static_cast<double>(table.cell(1, 2).reference_firings);
  CHECK(p.of(false, 2).nearby == std::vector{0.0, 2.0 / without_2});
  CHECK(p.scores(false, 2, [](const half_profiles::half& seen, std::size_t f) { return seen.nearby[f]; })[1] ==
        -p.of(false, 2).rate_to_variance[1] * 2.0 / without_2);
  CHECK_THROWS_AS(half_profiles(table, counted, std::span(nearby).first(16)), error);
}

}  // namespace controls_survival_transfer_test

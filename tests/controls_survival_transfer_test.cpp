// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/survival_transfer.hpp"

#include <doctest/doctest.h>

#include <cmath>
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
  CHECK(p.scores(true, 16, [](std::size_t) { return 2.0; })[1] ==
        doctest::Approx(-2.0 * static_cast<double>(odd.fired.reference_firings) / odd.all.xx));
  CHECK(p.of(true, 16).predictors.columns == all_predictors.size());
}

}  // namespace controls_survival_transfer_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/weighted_survival.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/survival/survey.hpp"
#include "statistics_oracle.hpp"

namespace survival_weighted_survival_test {

using namespace qfa;

TEST_CASE("weights: a worked table of two features and two groups") {
  feature_table table(2, 2);
  sparse_codes x(2), y(2);
  const auto token = [&](float x0, float x1, float y0, float y1) {
    if (x0 > 0.0f) x.push(0, x0);
    if (x1 > 0.0f) x.push(1, x1);
    if (y0 > 0.0f) y.push(0, y0);
    if (y1 > 0.0f) y.push(1, y1);
    x.end_token();
    y.end_token();
  };
  token(1.0f, 0.0f, 3.0f, 0.0f);  // (3 - 1)^2
  token(2.0f, 0.0f, 0.0f, 1.0f);  // 2^2 lost, 1^2 new
  token(0.0f, 4.0f, 0.0f, 3.0f);  // group 1: (4 - 3)^2
  table(x, y, std::vector<std::uint32_t>{0, 0, 1});
  const std::vector<float> norms{3.0f, 0.5f};
  CHECK(group_masses(table, std::span<const float>(norms)) == std::vector{9.0, 0.0, 0.0, 2.0});
  CHECK(group_masses(table, std::span<const double>()) == std::vector{3.0, 0.0, 0.0, 4.0});
  CHECK(group_shift_energies(table, norms) == std::vector{72.0, 0.25, 0.0, 0.25});
  CHECK(group_shift_energies(table, {}) == std::vector{8.0, 1.0, 0.0, 1.0});
}

TEST_CASE("weigh_survival: each kind by its definition, the deleted group's weight gone with its r") {
  const qfa_test::statistics_oracle oracle;
  const feature_table table = oracle.table("b");
  std::vector<float> norms(oracle.features);
  std::vector<double> lengths(oracle.features);
  for (std::size_t f = 0; f < norms.size(); ++f) {
    norms[f] = 0.5f + 0.1f * static_cast<float>(f % 7);
    lengths[f] = 0.1 + 0.3 * static_cast<double>(f % 5);
  }
  const survey s = take_survey(table, published, norms, 0.95, lengths);
  REQUIRE(s.logits);
  const auto share = [&](bool energy, std::size_t left_out, bool smooth) {
    double kept = 0.0, all = 0.0;
    for (const std::uint32_t f : s.counted) {
      double weight = 0.0;
      for (std::size_t g = 0; g < oracle.groups; ++g) {
        if (g == left_out) continue;
        const feature_cell& cell = table.cell(f, g);
        const double norm = static_cast<double>(norms[f]);
        weight += energy ? (cell.flip_energy + cell.on_energy) * norm * norm : cell.either.sum_x() * lengths[f];
      }
      const double r = left_out < oracle.groups ? s.correlations.without(left_out, f) : s.correlations.r[f];
      const double h = smooth ? bandwidth_of(s.correlations.ranges[f]).broad : 0.0;
      all += weight;
      kept += weight * outcome_chance{outcome::survived, {}}(r, h);
    }
    return kept / all;
  };
  for (const bool energy : {true, false}) {
    CAPTURE(energy);
    const estimate& e = energy ? s.shift_energy.share : s.logits->share;
    CHECK(e.value == doctest::Approx(share(energy, oracle.groups, false)).epsilon(1e-12));
    double pull = 0.0;
    for (std::size_t g = 0; g < oracle.groups; ++g)
      pull += share(energy, g, true) - share(energy, oracle.groups, true);
    const double n = static_cast<double>(oracle.groups);
    CHECK(e.bias_corrected == doctest::Approx(e.value - (n - 1.0) * pull / n).epsilon(1e-9));
    CHECK(e.range.kind == interval_kind::two_sided);
    CHECK(e.range.scale == interval_scale::logit);
  }
  CHECK(s.shift_energy.share.value != s.mass.value);
  CHECK(s.logits->share.value != s.mass.value);
  CHECK(s.shift_energy.covered <= 1.0);
  CHECK_FALSE(take_survey(table, published, norms).logits.has_value());
  CHECK_THROWS_AS(take_survey(table, published, norms, 0.95, std::vector<double>(3, 1.0)), error);
}

TEST_CASE("weigh_survival: where nothing changed there is no energy to share, and no interval") {
  const qfa_test::statistics_oracle oracle;
  const survey s = take_survey(oracle.table("x"), honest);
  CHECK(std::isnan(s.shift_energy.share.value));
  CHECK(s.shift_energy.share.range.kind == interval_kind::refused);
  CHECK_FALSE(s.shift_energy.share.range.reason.empty());
  CHECK(std::isnan(s.shift_energy.covered));
}

}  // namespace survival_weighted_survival_test

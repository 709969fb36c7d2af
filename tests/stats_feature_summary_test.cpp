// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/feature_summary.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "statistics_oracle.hpp"

namespace stats_feature_summary_test {

TEST_CASE("summary_columns: distinct names, and a summary holds the oracle's number under each") {
  const std::vector<std::vector<std::string>> known{{"reference_firings", "n_x"},
                                                    {"compressed_firings", "n_y"},
                                                    {"both_firings", "n_xy"},
                                                    {"mean_activation", "mean_x"},
                                                    {"max_activation", "max_x"},
                                                    {"compressed_mean_activation", "mean_y"},
                                                    {"compressed_max_activation", "max_y"},
                                                    {"r", "r"},
                                                    {"published_r", "r_published"},
                                                    {"gain", "beta"},
                                                    {"recall", "recall"},
                                                    {"precision", "precision"},
                                                    {"firing_jaccard", "j_fire"},
                                                    {"firing_phi", "phi"},
                                                    {"lost_mass_share", "mass_lost"},
                                                    {"ghost_mass_share", "mass_ghost"},
                                                    {"common_support_r", "r_on"},
                                                    {"error_energy", "mse"},
                                                    {"bias_energy", "bias_sq"},
                                                    {"flip_share", "flip_share"},
                                                    {"normalized_error", "nmse"}};
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_table table = oracle.table("b");
  std::set<std::string_view> names;
  for (const qfa::summary_column& column : qfa::summary_columns)
    names.insert(column.name);
  CHECK(names.size() == qfa::summary_columns.size());
  for (const auto& pair : known) {
    CAPTURE(pair[0]);
    REQUIRE(names.count(pair[0]) == 1);
    const std::vector<double> expected = oracle.doubles("b." + pair[1]);
    for (const qfa::summary_column& column : qfa::summary_columns) {
      if (column.name != pair[0]) continue;
      for (std::size_t f = 0; f < oracle.features; ++f) {
        CAPTURE(f);
        const double value = qfa::summarize(table, f).*column.value;
        CHECK(std::isnan(value) == std::isnan(expected[f]));
        if (!std::isnan(value)) CHECK(std::fabs(value - expected[f]) <= 1e-9 * std::fabs(expected[f]));
      }
    }
  }
}

TEST_CASE("summarize: every column that can lack a value says why, and no other lacks one") {
  const qfa_test::statistics_oracle oracle;
  for (const std::string side : {"a", "b"}) {
    const qfa::feature_table table = oracle.table(side);
    for (std::size_t f = 0; f < oracle.features; ++f) {
      const qfa::feature_summary s = qfa::summarize(table, f);
      for (const qfa::summary_column& column : qfa::summary_columns) {
        CAPTURE(f);
        CAPTURE(column.name);
        if (std::isnan(s.*column.value)) CHECK_FALSE(column.why_undefined.empty());
      }
      CHECK(s.firing_rate == s.reference_firings / s.tokens);
      CHECK(s.compressed_firing_rate == s.compressed_firings / s.tokens);
      if (s.reference_firings > 0.0) {
        CHECK(s.mean_when_active == doctest::Approx(s.mean_activation * s.tokens / s.reference_firings));
        CHECK(s.firing_rate_ratio == s.compressed_firings / s.reference_firings);
      }
      CHECK(s.on_energy + s.flip_energy == doctest::Approx(s.error_energy));
      if (!std::isnan(s.r)) {
        CHECK(s.damage == 1.0 - s.r);
        if (s.r != 0.0) CHECK(s.noise_to_signal == doctest::Approx((1.0 - s.r * s.r) / (s.r * s.r)).epsilon(1e-6));
      }
      if (s.error_energy > 0.0 && !std::isnan(s.noise_energy))
        CHECK(s.repairable_share == doctest::Approx(1.0 - s.noise_energy / s.error_energy));
      // The parts make up the whole, and the gain's is (gain - 1)^2 Var x, where Var x = error / normalized error.
      if (!std::isnan(s.gain)) {
        CHECK(s.bias_energy + s.gain_energy + s.noise_energy == doctest::Approx(s.error_energy));
        if (s.normalized_error > 0.0)
          CHECK(s.gain_energy ==
                doctest::Approx((s.gain - 1.0) * (s.gain - 1.0) * s.error_energy / s.normalized_error).epsilon(1e-6));
      }
      CHECK(s.dead == qfa::died(table.total(f)));
      CHECK(s.born == qfa::was_born(table.total(f)));
    }
  }
}

TEST_CASE("summarize: of a feature that was halved, r is 1 and the gain one half") {
  const qfa_test::statistics_oracle oracle;
  const qfa::feature_summary halved = qfa::summarize(oracle.table("a"), 1);
  CHECK(halved.gain == doctest::Approx(0.5).epsilon(1e-12));
  CHECK(halved.r == doctest::Approx(1.0).epsilon(1e-14));
  CHECK(halved.repairable_share == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(qfa::summarize(oracle.table("a"), 3).dead);
  CHECK(qfa::summarize(oracle.table("a"), 4).born);
}

}  // namespace stats_feature_summary_test

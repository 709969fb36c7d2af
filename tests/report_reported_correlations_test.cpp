// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/reported_correlations.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "qfa/audit/overlap.hpp"
#include "qfa/audit/read_group_shifts.hpp"
#include "qfa/report/features_csv.hpp"
#include "qfa/report/group_shifts.hpp"
#include "qfa/stats/feature_summary.hpp"
#include "scratch.hpp"
#include "statistics_oracle.hpp"

namespace report_reported_correlations_test {

using namespace qfa;

TEST_CASE("reported_correlations: what an audit writes gives the Spearman correlation that the audit has") {
  const qfa_test::statistics_oracle oracle;
  audit_result audit;
  audit.d_sae = oracle.features;
  for (const std::string side : {"x", "a", "b"}) {
    const feature_table table = oracle.table(side);
    condition_result& c = audit.conditions.emplace_back();
    c.policy = side;
    c.reference = side == "x";
    c.by_honest = take_survey(table, honest);
    c.by_published = take_survey(table, published);
    for (std::size_t f = 0; f < oracle.features; ++f)
      c.features.push_back(summarize(table, f));
  }
  const qfa_test::scratch here;
  write_group_shifts(audit, here.path() / "groups.npy");
  std::ostringstream csv;
  write_features_csv(audit, csv);
  const feature_columns table = read_feature_columns(csv.str(), "features.csv");
  const group_shifts shifts = read_group_shifts(here.path() / "groups.npy", 2);
  std::vector<leave_one_out> read;
  for (std::size_t c = 1; c < 3; ++c) {
    const leave_one_out& r = read.emplace_back(reported_correlations(table.conditions[c], shifts.of(c - 1), "t"));
    const leave_one_out& own = audit.conditions[c].by_honest.correlations;
    REQUIRE(r.groups == own.groups);
    REQUIRE(r.features() == own.features());
    for (std::size_t f = 0; f < r.features(); ++f) {
      CHECK((r.r[f] == own.r[f] || (std::isnan(r.r[f]) && std::isnan(own.r[f]))));
      CHECK((r.ranges[f].kind == interval_kind::two_sided) == (own.ranges[f].kind == interval_kind::two_sided));
      if (r.ranges[f].kind == interval_kind::two_sided)  // shifts are floats
        CHECK(r.ranges[f].scale_error == doctest::Approx(own.ranges[f].scale_error).epsilon(1e-6));
    }
  }
  const survey &a = audit.conditions[1].by_honest, &b = audit.conditions[2].by_honest;
  const estimate own = compare_damage(a, b).spearman, again = damage_spearman(read[0], read[1], counted_by_both(a, b));
  REQUIRE(own.range.kind == interval_kind::two_sided);
  CHECK(again.value == own.value);
  CHECK(again.range.standard_error == own.range.standard_error);
  CHECK(again.bias_corrected == doctest::Approx(own.bias_corrected).epsilon(1e-8));
  CHECK(again.range.lower == doctest::Approx(own.range.lower).epsilon(1e-8));
  CHECK(again.range.upper == doctest::Approx(own.range.upper).epsilon(1e-8));
}

TEST_CASE("reported_correlations: without shifts there is r alone, and without its columns nothing") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  condition_features table{"p", {{"r", column_kind::share, {0.5, none}}}};
  const auto read = [&](const std::vector<float>& shifts) { return reported_correlations(table, shifts, "t.csv"); };
  qfa_test::check_refused([&] { read({}); }, {"t.csv has no column r or none r_interval"});
  table.columns.push_back({"r_interval", column_kind::word, {0.0, 0.0}, {"two_sided"}});
  const leave_one_out alone = read({});
  CHECK(alone.groups == 0);
  CHECK(alone.r[0] == 0.5);
  CHECK(alone.ranges[0].kind == interval_kind::refused);
  qfa_test::check_refused([&] { read({0.1f, 0.1f, 0.1f}); }, {"a shift for each group of rows"});
  // What the audit calls unmeasured is so, whatever the shifts would give.
  std::vector<float> shifts;
  for (int g = 0; g < 8; ++g)
    shifts.insert(shifts.end(), {0.01f * static_cast<float>(g), 0.0f});
  CHECK(read(shifts).ranges[0].kind == interval_kind::two_sided);
  CHECK(read(shifts).ranges[1].kind == interval_kind::refused);
  table.columns.back().words = {"at_least"};
  CHECK(read(shifts).ranges[0].kind == interval_kind::refused);
}

}  // namespace report_reported_correlations_test

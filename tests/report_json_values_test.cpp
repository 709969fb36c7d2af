// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/json_values.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace report_json_values_test {

using namespace qfa;

TEST_CASE("report json: NaN and infinity are null, with the reason where there is one") {
  CHECK(number_or_null(1.5) == 1.5);
  CHECK(number_or_null(std::nan("")).is_null());
  CHECK(number_or_null(std::numeric_limits<double>::infinity()).is_null());
  CHECK(value_or_reason(std::nan(""), "why")["reason"] == "why");
  CHECK_FALSE(value_or_reason(2.0, "why").contains("reason"));
}

TEST_CASE("report json: an estimate carries its interval, or why it has none") {
  estimate e{.value = 0.5, .bias_corrected = 0.4, .range = {}};
  e.range.reason = "fewer than 8 groups of rows";
  CHECK(to_json(e)["interval"].is_null());
  CHECK(to_json(e)["reason"] == "fewer than 8 groups of rows");
  e.range.kind = interval_kind::two_sided;
  e.range.reason = {};
  e.range.lower = 0.25;
  e.range.upper = 0.75;
  e.range.scale = interval_scale::logit;
  const report_json j = to_json(e);
  CHECK(j["interval"]["lower"] == 0.25);
  CHECK(j["interval"]["scale"] == "logit");
  CHECK(j["bias_corrected"] == 0.4);
}

TEST_CASE("report json: a survey shows counts beside shares, and the whole curve") {
  feature_table table(2, 8);
  for (std::uint32_t g = 0; g < 8; ++g) {
    sparse_codes x(2);
    for (int t = 0; t < 200; ++t) {
      if (t % 2 == 0) x.push(0, 1.0f + 0.01f * static_cast<float>(t));
      if (t == 0 && g == 0) x.push(1, 1.0f);
      x.end_token();
    }
    const std::vector<std::uint32_t> groups(200, g);
    table(x, x, groups);
  }
  const report_json j = to_json(take_survey(table, honest));
  CHECK(j["active"] == 1);
  CHECK(j["survived"]["count"] == 1);
  CHECK(j["survived"]["value"] == 1.0);
  CHECK(j["census"]["confirmed_survived"].get<int>() + j["census"]["undecided"].get<int>() == 1);
  CHECK(j["census"]["confirmed_not"] == 0);
  CHECK(j["census"]["any_dependence"]["confirmed_not"] == 0);
  CHECK(j["census"]["threshold"] == 0.9);
  CHECK_FALSE(to_json(take_survey(table, published)).contains("census"));
  CHECK(j["destroyed"]["count"] == 0);
  CHECK(j["survival_curve"]["rows"].size() == 101);
  CHECK(j["without_each_group"]["survived"] == report_json::array({1, 1, 1, 1, 1, 1, 1, 1}));
  CHECK(j["without_each_group"]["mean_r"].size() == 8);
  CHECK(j["mean_r"]["value"] == 1.0);
}

TEST_CASE("report json: an overlap of two empty sets has null for what is undefined") {
  set_overlap o;
  o.sizes = {.a = 0, .b = 0, .both = 0, .population = 5};
  o.chance = std::nan("");
  const report_json j = to_json(o);
  CHECK(j["jaccard"]["value"].is_null());
  CHECK(j["jaccard_chance"]["value"].is_null());
  CHECK(j["jaccard_chance"].contains("reason"));
  CHECK(j["union"] == 0);
  CHECK(j["odds_ratio"]["value"].is_null());
}

TEST_CASE("report json: how much more one condition leaves than another stands beside their overlap") {
  damage_overlap o;
  o.gap.features = 90;
  o.gap.survived.value = 0.25;
  o.gap.survived.range.kind = interval_kind::two_sided;
  o.gap.survived.range.lower = -0.125;
  o.gap.mean_r.value = 0.5;
  const report_json j = to_json(o);
  CHECK(j["features"] == 90);
  CHECK(j["a_survives_more_by"]["value"] == 0.25);
  CHECK(j["a_survives_more_by"]["interval"]["lower"] == -0.125);
  CHECK(j["a_mean_r_more_by"]["value"] == 0.5);
  CHECK(j["a_mean_r_more_by"]["interval"].is_null());
}

}  // namespace report_json_values_test

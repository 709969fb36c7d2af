// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/run_steering.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/rtn.hpp"

namespace steering_run_steering_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("choose_steered_rows: rows spread over the audit, others for targets, positions cut") {
  const token_rows all = random_rows(400, 12, 97);
  const steered_rows some = choose_steered_rows(all, {.rows = 64, .positions = 4, .pilot_rows = 8}, 2, 100);
  CHECK(some.measured.tokens.rows() == 64);
  CHECK(some.pilot.tokens.rows() == 8);
  CHECK(some.measured.tokens.context == 6);
  CHECK(std::set<std::uint32_t>(some.measured.group_of_row.begin(), some.measured.group_of_row.end()).size() > 50);
  std::set<std::vector<std::uint32_t>> texts;
  for (const sampled_rows* rows : {&some.measured, &some.pilot})
    for (std::size_t r = 0; r < rows->tokens.rows(); ++r) {
      const auto ids = rows->tokens.view().row(r);
      texts.emplace(ids.begin(), ids.end());
    }
  CHECK(texts.size() == 72);  // none twice
  CHECK(choose_steered_rows(all, {.rows = 64}, 0, 3).pilot.tokens.rows() == 3);
  const steered_rows few = choose_steered_rows(random_rows(9, 12, 97), {.rows = 64, .pilot_rows = 8}, 0, 8);
  CHECK(few.pilot.tokens.rows() == 1);
  CHECK(few.measured.tokens.rows() == 8);
  CHECK_THROWS_WITH(choose_steered_rows(random_rows(1, 12, 97), {}, 0, 8), doctest::Contains("two rows"));
}

TEST_CASE("run_steering: what is not compressed steers alike, and what is, less so") {
  const sae dictionary = lossless_sae(64);
  const audit_settings settings = tiny_settings();
  const token_rows rows = random_rows(64, 12, 97);
  model_audit audit(tiny_model(), dictionary, rows, settings);
  audit.run(any_policy{});
  audit.run(rtn{.bits = 4});
  audit.run(rtn{.bits = 3});
  const audit_result result = audit.result();
  audited_model models(tiny_model(), dictionary, settings, false, {});
  std::vector<compression_recipe> recipes;
  for (const any_policy& policy : {any_policy{}, any_policy(rtn{.bits = 4}), any_policy(rtn{.bits = 3})})
    recipes.push_back({policy.name(), [&models, policy] { return models.compress_by(policy, {}); }});
  const finished_models of{models, dictionary, rows, settings, result, recipes};
  std::vector<float> direction(64, 0.25f);
  const steering_findings found = run_steering(
      of, {.features = 9, .rows = 40, .positions = 6, .pilot_rows = 4, .directions = {{"all alike", direction}}});
  CHECK(found.rows == 40);
  CHECK(found.tokens == 240);
  CHECK(found.pilot_tokens == 24);
  CHECK(found.groups == 16);
  CHECK(found.hook == "blocks.1.hook_resid_post");
  REQUIRE(found.conditions.size() == 3);
  const steered_condition& none = found.conditions[0];
  CHECK(none.features.size() == 9);
  for (const steered_feature& f : none.features) {
    CHECK(f.r == 1.0);
    CHECK(std::ranges::count(f.own.gain, 1.0) == 5);
    CHECK(std::ranges::count(f.random.fidelity, 1.0) == 5);
    // Decoder rows have length 1.
    CHECK(f.length == doctest::Approx(result.conditions[0].features[f.feature].mean_when_active).epsilon(1e-6));
  }
  CHECK(!none.r_predicts());
  REQUIRE(none.directions.size() == 1);
  CHECK(none.directions[0].name == "all alike");
  CHECK(none.directions[0].length == 2.0);
  CHECK(none.directions[0].doses[4].fidelity.value == 1.0);
  CHECK(found.conditions[2].directions[0].doses[2].fidelity.value < 1.0);
  CHECK(found.conditions[2].directions[0].target == none.directions[0].target);
  const auto fidelity = [&](std::size_t c) { return found.conditions[c].doses[2].fidelity; };
  CHECK(fidelity(1).value > fidelity(2).value);
  CHECK(fidelity(2).value > 0.3);
  CHECK(fidelity(1).value < 1.0);
  CHECK(fidelity(2).range.kind == interval_kind::two_sided);
  CHECK(found.conditions[1].features[0].feature == found.conditions[2].features[0].feature);

  // Of groups that were joined to 8: the least faithful one by 16 all the same.
  audit_result joined = result;
  joined.groups = row_groups(64, 8);
  joined.halves = row_groups(64, 16);
  for (condition_result& c : joined.conditions) {
    c.by_honest.correlations.groups = 8;
    c.by_honest.correlations.shift.resize(8 * c.by_honest.correlations.r.size());
  }
  const steering_findings by_eight = run_steering({models, dictionary, rows, settings, joined, recipes},
                                                  {.features = 9, .rows = 40, .positions = 6, .pilot_rows = 4});
  CHECK(by_eight.groups == 8);
  CHECK(by_eight.conditions[2].halves_of == 16);
  CHECK(by_eight.conditions[2].least_faithful == found.conditions[2].least_faithful);
  CHECK(by_eight.conditions[2].least_fidelity.range.lower == found.conditions[2].least_fidelity.range.lower);
  CHECK(by_eight.conditions[2].doses[2].fidelity.value ==
        doctest::Approx(found.conditions[2].doses[2].fidelity.value).epsilon(1e-12));
  CHECK(by_eight.conditions[2].doses[2].fidelity.range.dof == 7.0);

  audit_result nothing = result;
  nothing.conditions.front().by_honest.counted.clear();
  for (condition_result& c : nothing.conditions)
    c.by_honest.counted.clear();
  const steering_findings empty = run_steering({models, dictionary, rows, settings, nothing, recipes});
  CHECK(empty.conditions.empty());
  CHECK(empty.notes.size() == 1);
  // Directions of the caller's own need no feature.
  const steering_findings alone = run_steering(
      {models, dictionary, rows, settings, nothing, recipes},
      {.features = 9, .rows = 40, .positions = 6, .pilot_rows = 4, .directions = {{"all alike", direction}}});
  CHECK(alone.notes.size() == 1);
  REQUIRE(alone.conditions.size() == 3);
  CHECK(alone.conditions[2].policy == found.conditions[2].policy);
  CHECK(alone.conditions[2].features.empty());
  REQUIRE(alone.conditions[2].directions.size() == 1);
  CHECK(alone.conditions[2].directions[0].doses[2].fidelity.value ==
        found.conditions[2].directions[0].doses[2].fidelity.value);
}

TEST_CASE("run_steering: codes are multiplied with what the SAE's input norm took out") {
  sae s = lossless_sae(2);
  const std::vector<float> x{3.0f, 4.0f, 0.0f, 1.0f};
  const matrix_view<const float> two(x.data(), 2, 2);
  CHECK(detail::mean_input_scale(s, two, {1, 2}) == 1.0);
  s.norm = input_norm::constant_norm_rescale;
  CHECK(detail::mean_input_scale(s, two, {1, 2}) == doctest::Approx(3.0 / std::sqrt(2.0)));
  CHECK(detail::mean_input_scale(s, two, {1, 2, 1}) == doctest::Approx(1.0 / std::sqrt(2.0)));
  // Two rows, whose first tokens are skipped: one too long, one that has no scale.
  const std::vector<float> rows{300.0f, 400.0f, 3.0f, 4.0f, 0.0f, 0.0f, 0.0f, 1.0f};
  const matrix_view<const float> four(rows.data(), 4, 2);
  CHECK(detail::mean_input_scale(s, four, {2, 2, 1}) == doctest::Approx(3.0 / std::sqrt(2.0)));
  CHECK_THROWS_WITH(detail::mean_input_scale(s, four, {2, 2}), doctest::Contains("all zeros"));
}

}  // namespace steering_run_steering_test

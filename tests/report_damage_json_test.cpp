// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/damage_json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "report_estimates.hpp"

namespace report_damage_json_test {

using namespace qfa;
using qfa_test::made_estimate;

TEST_CASE("shift json: every part under its own name, positions in columns, what is undefined as null") {
  activation_shift s;
  s.energy = made_estimate(4.0, 3.5, 4.5);
  s.relative = made_estimate(0.1, 0.08, 0.12);
  s.explained = made_estimate(0.62, 0.55, 0.68);
  s.decoded = made_estimate(0.91, 0.9, 0.93);
  s.missed = made_estimate(0.11, 0.1, 0.12);
  s.cross = made_estimate(-0.02, -0.03, -0.01);
  s.mean_shift_share = made_estimate(0.04, 0.03, 0.05);
  s.mean = {.shift = 4.0, .decoded = 3.64, .missed = 0.44, .cross = -0.08, .explained = 2.48};
  s.by_position = {{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {7.0, 8.0, 9.0, 10.0, 11.0, 12.0}};
  s.carriers = {16, {12, 7}, 0.51, made_estimate(0.47, 0.4, 0.5)};
  s.gini = made_estimate(0.8, 0.7, 0.9);
  s.top_10_percent = made_estimate(0.45, 0.4, 0.5);
  const report_json j = to_json(s);
  CHECK(j["energy"]["value"] == 4.0);
  CHECK(j["relative"]["interval"]["upper"] == 0.12);
  CHECK(j["explained_share"]["value"] == 0.62);
  CHECK(j["decoded_share"]["value"] == 0.91);
  CHECK(j["missed_share"]["value"] == 0.11);
  CHECK(j["cross_share"]["value"] == -0.02);
  CHECK(j["mean_shift_share"]["value"] == 0.04);
  CHECK(j["decoded_energy"] == 3.64);
  CHECK(j["missed_energy"] == 0.44);
  CHECK(j["cross_energy"] == -0.08);
  CHECK(j["input_norm_share"]["value"].is_null());
  CHECK(j["input_norm_share"].contains("reason"));
  CHECK(j["half_of_explained"]["groups"] == 16);
  CHECK(j["half_of_explained"]["features"] == std::vector<int>{12, 7});
  CHECK(j["half_of_explained"]["share_on_even_groups"]["value"] == 0.51);
  CHECK(j["half_of_explained"]["share_on_odd_groups"]["value"] == 0.47);
  CHECK(j["feature_energies"]["gini"]["value"] == 0.8);
  CHECK(j["feature_energies"]["top_10_percent"]["value"] == 0.45);
  CHECK(j["feature_energies"]["top_1_percent"]["value"].is_null());
  CHECK(j["by_position"]["columns"].size() == 5);
  CHECK(j["by_position"]["rows"][1] == std::vector<double>{7.0, 8.0, 9.0, 10.0, 11.0});
}

TEST_CASE("worst features json: what chose them stands beside what the other rows say") {
  worst_features w;
  w.groups = 16;
  w.chosen = 25;
  w.chosen_mean = 0.41;
  w.mean = made_estimate(0.52, 0.48, 0.56);
  w.hurt = made_estimate(0.96, 0.8, 0.99);
  w.listed = {{.feature = 12, .chosen_r = 0.1, .r = made_estimate(0.3, 0.2, 0.4)}};
  const report_json j = to_json(w);
  CHECK(j["groups"] == 16);
  CHECK(j["chosen"] == 25);
  CHECK(j["mean_r_on_even_groups"]["value"] == 0.41);
  CHECK(j["mean_r_on_odd_groups"]["interval"]["lower"] == 0.48);
  CHECK(j["not_survived_on_odd_groups"]["value"] == 0.96);
  CHECK(j["features"][0]["feature"] == 12);
  CHECK(j["features"][0]["r_on_even_groups"] == 0.1);
  CHECK(j["features"][0]["r_on_odd_groups"]["value"] == 0.3);
}

TEST_CASE("tokens json: correlations, and a table for each way to sort tokens") {
  token_account t;
  t.tokens = 1000;
  t.ranked_tokens = 250;
  t.ranked_stride = 4;
  t.cosine = {240, made_estimate(-0.4, -0.5, -0.3)};
  t.tables[1] = {{.low = 4.0,
                  .high = std::numeric_limits<double>::infinity(),
                  .tokens = 9,
                  .kl = made_estimate(0.2, 0.1, 0.3),
                  .cosine = {},
                  .jaccard = {},
                  .relative_shift = {},
                  .cosines = 7}};
  const report_json j = to_json(t);
  CHECK(j["tokens"] == 1000);
  CHECK(j["ranked_tokens"] == 250);
  CHECK(j["ranked_stride"] == 4);
  CHECK(j["spearman_kl"]["code_cosine"]["tokens"] == 240);
  CHECK(j["spearman_kl"]["code_cosine"]["interval"]["lower"] == -0.5);
  CHECK(j["spearman_kl"]["relative_shift"]["value"].is_null());
  CHECK(j["by_position"].empty());
  CHECK(j["by_frequency"][0]["low"] == 4.0);
  CHECK(j["by_frequency"][0]["high"].is_null());
  CHECK(j["by_frequency"][0]["tokens"] == 9);
  CHECK(j["by_frequency"][0]["kl"]["value"] == 0.2);
  CHECK(j["by_frequency"][0]["code_cosine"]["value"].is_null());
  CHECK(j["by_frequency"][0]["code_cosine"]["tokens"] == 7);
  CHECK(j.contains("by_entropy"));
  CHECK(j.contains("by_top_probability"));
}

}  // namespace report_damage_json_test

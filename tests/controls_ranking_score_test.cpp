// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/ranking_score.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace controls_ranking_score_test {

using namespace qfa;

namespace {

/// One condition of `width` features on 16 groups, r moved by noise that `seed` draws.
earlier_audit made_audit(std::size_t width, double (*r)(std::size_t), unsigned seed, const char* tokens) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  earlier_audit out{.where = "somewhere", .gate = "relu", .sae = "relu SAE of 4 x 8"};
  out.rows.source = "tokens";
  out.rows.protocol["inputs"] = json::array({json{{"role", "tokens"}, {"bytes", 7}, {"crc32", tokens}}});
  out.rows.files = reported_files(out.rows.protocol, "tokens");
  out.conditions = {"c"};
  out.groups = 16;
  out.width = width;
  for (std::size_t f = 0; f < width; ++f)
    out.features["c"].push_back({static_cast<std::uint32_t>(f), r(f), noise_to_signal(r(f))});
  for (std::size_t i = 0; i < 16 * width; ++i)
    out.shifts["c"].push_back(static_cast<float>(0.01 * normal(random)));
  return out;
}

double falling(std::size_t f) { return 0.95 - 0.002 * static_cast<double>(f); }
double wild(std::size_t f) {
  return 0.86 + 0.1 * static_cast<double>(f * 37 % 60) / 60.0 - 0.0005 * static_cast<double>(f);
}

}  // namespace

TEST_CASE("score_ranking: over the features that both audits count, a silent one ranked last") {
  earlier_audit from = made_audit(5, falling, 1, "x"), to = from;
  from.groups = to.groups = 0;
  from.features["c"] = {{0, 0.999, 0.002}, {1, 0.9999, 0.0002}, {2, std::nan(""), std::nan("")}, {4, 0.99, 0.02}};
  to.features["c"] = {{0, 0.8, 0.5}, {1, 0.95, 0.1}, {3, 0.99, 0.02}, {4, 0.7, 1.0}};
  const ranking_score s = score_ranking(from, "c", to, "c", 0);
  CHECK(s.features == 3);
  CHECK(s.survived == 1);
  CHECK(s.auc.value == 1.0);
  CHECK(s.auc.range.reason == "no groups.npy beside the report");
  to.features["c"] = {{2, 0.95, 0.1}, {4, 0.7, 1.0}};
  CHECK(score_ranking(from, "c", to, "c", 0).auc.value == 0.0);
}

TEST_CASE("score_ranking: no AUC where the smaller class has fewer than 25 features") {
  const auto scored = [](std::size_t survivors) {
    earlier_audit to = made_audit(60, falling, 2, "t");
    for (std::size_t f = 0; f < 60; ++f)
      to.features["c"][f].r = f < survivors ? 0.95 : 0.5;
    return score_ranking(made_audit(60, falling, 1, "t"), "c", to, "c");
  };
  for (const std::size_t survivors : {0U, 24U, 36U, 60U}) {
    const ranking_score s = scored(survivors);
    CHECK(std::isnan(s.auc.value));
    CHECK(s.auc.range.kind == interval_kind::refused);
    CHECK(s.auc.range.reason == small_class);
    CHECK(s.survived == survivors);
  }
  CHECK(scored(25).auc.value == 1.0);
  CHECK(scored(35).auc.value == 1.0);
}

TEST_CASE("score_ranking: groups of the same rows are left out of both audits, of other rows one after the other") {
  const earlier_audit from = made_audit(60, falling, 1, "t"), to = made_audit(60, wild, 2, "t");
  const ranking_score same = score_ranking(from, "c", to, "c");
  CHECK(same_rows(from.rows, to.rows));
  CHECK(same.auc.range.kind == interval_kind::two_sided);
  CHECK(same.auc.range.dof == 15.0);
  const auto without = [&](std::size_t g) {
    std::vector<double> score;
    std::vector<std::uint8_t> survived;
    for (std::size_t f = 0; f < 60; ++f) {
      score.push_back(falling(f) + static_cast<double>(from.shifts.at("c")[g * 60 + f]));
      survived.push_back(wild(f) + static_cast<double>(to.shifts.at("c")[g * 60 + f]) > 0.9);
    }
    return auc(score, survived);
  };
  const estimate expected = jackknife(same.auc.value, 16, without, {.scale = interval_scale::logit});
  CHECK(same.auc.range.lower == expected.range.lower);
  CHECK(same.auc.range.upper == expected.range.upper);
  const earlier_audit elsewhere = made_audit(60, wild, 2, "other");
  const ranking_score apart = score_ranking(from, "c", elsewhere, "c");
  CHECK(apart.auc.value == same.auc.value);
  CHECK(apart.auc.range.dof == 15.0);
  CHECK(apart.auc.range.lower != same.auc.range.lower);
  // Of the variances of two independent samples neither is left out.
  earlier_audit still = elsewhere;
  still.shifts["c"].assign(16 * 60, 0.0f);
  CHECK(apart.auc.range.standard_error > score_ranking(from, "c", still, "c").auc.range.standard_error);
}

TEST_CASE("check_same_sae: audits of two SAEs are refused in a sentence that names both") {
  const earlier_audit from = made_audit(5, falling, 1, "x");
  earlier_audit to = from;
  CHECK_NOTHROW(check_same_sae(from, to));
  to.where = "elsewhere";
  to.sae = "jump_relu SAE of 4 x 8";
  CHECK_THROWS_WITH_AS(score_ranking(from, "c", to, "c"),
                       "the audit in \"somewhere\" is of a relu SAE of 4 x 8 and the one in \"elsewhere\" of a "
                       "jump_relu SAE of 4 x 8, expected one SAE at one hook, whose features are the same",
                       error);
}

}  // namespace controls_ranking_score_test

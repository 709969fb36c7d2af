// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/prediction.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "qfa/survival/survey.hpp"

namespace audit_prediction_test {

using namespace qfa;

namespace {

/// 120 features on 64 groups of 60 tokens.  Feature f fires on a twentieth of the tokens with 1 + noise; on the
/// compressed model noise of size `loss(f)` is added.  The peak of a feature is `scale(f)`.
template <class Scale, class Loss>
feature_table made_table(Scale scale, Loss loss, unsigned seed = 1) {
  constexpr std::uint32_t width = 120;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  feature_table table(width, 64);
  for (std::uint32_t g = 0; g < 64; ++g) {
    sparse_codes x(width), y(width);
    for (int t = 0; t < 60; ++t) {
      for (std::uint32_t f = 0; f < width; ++f) {
        if (random() % 20 != 0) continue;
        const float a = scale(f) * (1.0f + 0.3f * std::fabs(normal(random)));
        x.push(f, a);
        y.push(f, std::fabs(a + loss(f) * normal(random)) + 1e-6f);
      }
      x.end_token();
      y.end_token();
    }
    const std::vector<std::uint32_t> groups(60, g);
    table(x, y, groups);
  }
  return table;
}

float spread(std::uint32_t f) { return 0.2f + 0.05f * static_cast<float>(f); }

}  // namespace

TEST_CASE("prediction: noise of one size destroys weak features, which both protocols foretell") {
  const feature_table table = made_table(spread, [](std::uint32_t) { return 1.0f; });
  const survey by_published = take_survey(table, published);
  const survey by_honest = take_survey(table, honest);
  const auto p = predict_published(table, by_published);
  REQUIRE(p.result.has_value());
  CHECK(p.auc.value > 0.95);
  CHECK(p.auc.range.kind == interval_kind::two_sided);
  CHECK(p.features == 120);
  const auto h = predict_honest(table, by_honest);
  REQUIRE(h.result.has_value());
  CHECK(h.auc.value > 0.9);
  CHECK(h.auc.range.lower < h.auc.value);
  // Families are held out as wholes, in both ways round.
  std::vector<std::uint32_t> families;
  for (std::uint32_t f = 0; f < 120; ++f)
    families.push_back(f % 30);
  const auto kept = predict_honest(table, by_honest, {.families = families});
  REQUIRE(kept.result.has_value());
  CHECK(kept.result->families == 30);
  CHECK(h.result->families == by_honest.counted.size());
  std::size_t parted = 0;
  for (const auto& fold_of : kept.result->fold_of)
    for (std::size_t i = 0; i < by_honest.counted.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        parted += by_honest.counted[i] % 30 == by_honest.counted[j] % 30 && fold_of[i] != fold_of[j];
  CHECK(parted == 0);
  CHECK(kept.auc.range.kind == interval_kind::two_sided);
  CHECK(kept.result->over_families.range.kind == interval_kind::two_sided);
  CHECK(kept.result->predictor_reliability.size() == 5);
  // Encoder norms alike, rates alike: nu orders by 1 / Var x, which is what decides here.
  const std::vector<double> norms(120, 1.0);
  const estimate baseline = baseline_auc(table, by_honest, norms);
  CHECK(baseline.value > 0.9);
  CHECK(baseline.range.kind != interval_kind::refused);
  CHECK(baseline.range.lower < baseline.value);
}

TEST_CASE("prediction: damage that has nothing to do with the reference is not foretold") {
  std::mt19937 random(9);
  std::vector<float> loss;
  for (int f = 0; f < 120; ++f)
    loss.push_back(random() % 2 == 0 ? 0.01f : 2.0f);
  const feature_table table = made_table([](std::uint32_t) { return 1.0f; }, [&](std::uint32_t f) { return loss[f]; });
  const auto h = predict_honest(table, take_survey(table, honest), {.with_intervals = false});
  REQUIRE(h.result.has_value());
  CHECK(h.auc.value > 0.3);
  CHECK(h.auc.value < 0.7);
  CHECK(h.auc.range.kind == interval_kind::refused);
}

TEST_CASE("prediction: with one class there is no fit but a reason") {
  const feature_table table = made_table(spread, [](std::uint32_t) { return 0.0f; });
  const auto p = predict_published(table, take_survey(table, published));
  CHECK_FALSE(p.result.has_value());
  CHECK_FALSE(p.reason.empty());
  CHECK(std::isnan(p.auc.value));
  const auto h = predict_honest(table, take_survey(table, honest));
  CHECK_FALSE(h.result.has_value());
  CHECK_FALSE(h.reason.empty());
  CHECK(h.survived == h.features);
  CHECK(std::isnan(baseline_auc(table, take_survey(table, honest), std::vector<double>(120, 1.0)).value));
}

TEST_CASE("baseline_auc: refused where the smaller class has fewer than 25 features") {
  const auto baseline = [](std::uint32_t hurt) {
    const feature_table table =
        made_table([](std::uint32_t) { return 1.0f; }, [hurt](std::uint32_t f) { return f < hurt ? 2.0f : 0.01f; });
    return baseline_auc(table, take_survey(table, honest), std::vector<double>(120, 1.0));
  };
  CHECK(std::isnan(baseline(24).value));
  CHECK(baseline(24).range.reason == small_class);
  CHECK(std::isfinite(baseline(30).value));
}

}  // namespace audit_prediction_test

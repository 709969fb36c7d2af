// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/controlled_prediction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "controls_made_up.hpp"

namespace controls_controlled_prediction_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("prediction: where damage has nothing to do with the reference, all AUCs are those of chance") {
  std::mt19937 random(5);
  const std::vector<float> loss = losses(150, [&](std::size_t) { return random() % 2 == 0; });
  const half_profiles profiles(lossy_table(loss, 1), all_features(150));
  const std::vector<double> norms(150, 1.0);
  const controlled_prediction p =
      predict_with_controls(profiles, lossy_sample(loss, 1), norms, all_features(150), {.shuffles = 4});
  REQUIRE(p.fitted.has_value());
  CHECK(std::fabs(p.auc.value - 0.5) < 0.15);
  CHECK(std::fabs(p.noise_auc.value - 0.5) < 0.15);
  CHECK(std::fabs(p.shuffled_mean - 0.5) < 0.1);
  CHECK(p.gain.value == doctest::Approx(p.auc.value - p.noise_auc.value));
  CHECK(p.gain.range.lower < p.gain.value);
  CHECK(p.baseline_name() == "nu_iso");
  CHECK(p.verdict() == fit_verdict::not_told_apart);
}

TEST_CASE("prediction: what the reference foretells is not foretold of shuffled labels") {
  std::vector<float> scale;
  for (int f = 0; f < 150; ++f)
    scale.push_back(f % 3 == 0 ? 1.0f : 3.0f);
  const half_profiles profiles(lossy_table(std::vector<float>(150, 0.0f), 1, scale), all_features(150));
  const std::vector<float> loss = losses(150, [](std::size_t f) { return f % 3 == 0; });
  const controlled_prediction p = predict_with_controls(profiles, lossy_sample(loss, 1), std::vector<double>(150, 1.0),
                                                        all_features(150), {.shuffles = 10});
  CHECK(p.auc.value > 0.95);
  CHECK(std::fabs(p.shuffled_mean - 0.5) < 0.15);
  CHECK(p.shuffled_95 < p.auc.value);
}

TEST_CASE("prediction: what the encoder's norm decides is foretold with nothing fitted, and not by the reference") {
  std::vector<double> norms;
  std::vector<float> loss;
  for (int f = 0; f < 150; ++f) {
    norms.push_back(f % 3 == 0 ? 25.0 : 1.0);
    loss.push_back(f % 3 == 0 ? 1.0f : 0.2f);
  }
  const half_profiles profiles(lossy_table(loss, 1), all_features(150));
  const controlled_prediction p =
      predict_with_controls(profiles, lossy_sample(loss, 1), norms, all_features(150), {.shuffles = 2});
  CHECK(p.noise_auc.value > 0.95);
  CHECK(p.gain.range.upper < 0.0);
  CHECK(p.verdict() == fit_verdict::below);
}

TEST_CASE("prediction: the baseline of a gate has its flips in it, of the half that nu is made of") {
  // Firings near the threshold decide what is lost, on either half of the rows; norms say nothing.
  const std::vector<float> loss = losses(150, [](std::size_t f) { return f % 3 == 0; });
  const feature_table table = lossy_table(loss, 1);
  std::vector<std::uint32_t> nearby(16 * 150);
  for (std::size_t i = 0; i < nearby.size(); ++i)
    nearby[i] = i % 150 % 3 == 0;
  const half_profiles profiles(table, all_features(150), nearby);
  const auto by_flips = [](const half_profiles::half& seen, std::size_t f) { return 1e-3 + seen.nearby[f]; };
  const controlled_prediction p = predict_with_controls(profiles, lossy_sample(loss, 1), std::vector<double>(150, 1.0),
                                                        all_features(150), {.shuffles = 0}, by_flips);
  REQUIRE(p.flips_auc.has_value());
  CHECK(p.flips_auc->value > 0.95);
  CHECK(std::fabs(p.noise_auc.value - 0.5) < 0.15);
  CHECK(&p.baseline() == &*p.flips_auc);
  CHECK(p.baseline_name() == "nu_iso with flips");
  CHECK(p.gain.value == doctest::Approx(p.auc.value - p.flips_auc->value));
  CHECK(p.verdict() == fit_verdict::below);
}

namespace {

/// Four families of 20 near-duplicates on 16 groups of 60 tokens: plain, frequent, strong and peaked ones.  A family's
/// fate is one of its own: plain and strong features survive, the others lose most of what they say.
feature_table family_table() {
  constexpr std::uint32_t width = 80;
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  feature_table table(width, 16);
  for (std::uint32_t g = 0; g < 16; ++g) {
    sparse_codes x(width), y(width);
    for (int t = 0; t < 60; ++t) {
      for (std::uint32_t f = 0; f < width; ++f) {
        const std::uint32_t family = f / 20;
        if (random() % 10 >= (family == 1 ? 4U : 1U)) continue;
        const float size = family == 2 ? 4.0f : family == 3 && random() % 12 == 0 ? 8.0f : 1.0f;
        const float a = size * (1.0f + 0.2f * std::fabs(normal(random)));
        const float b = a + (family % 2 == 1 ? 3.0f : 0.05f) * normal(random);
        x.push(f, a);
        if (b > 0.0f) y.push(f, b);
      }
      x.end_token();
      y.end_token();
    }
    table(x, y, std::vector<std::uint32_t>(60, g));
  }
  return table;
}

}  // namespace

TEST_CASE("prediction: near-duplicates that are held out one by one flatter it, families do not") {
  // Four families differ in three ways, so that any fates of theirs are told apart by those who have seen them; of a
  // family that nobody has seen the others say nothing.
  const feature_table table = family_table();
  const half_profiles profiles(table, all_features(80));
  const damage_sample s = sample_of(table, all_features(80), "families", true);
  std::vector<std::uint32_t> families;
  for (std::uint32_t f = 0; f < 80; ++f)
    families.push_back(f / 20);
  const auto auc_with = [&](const std::vector<std::uint32_t>& of) {
    return predict_with_controls(profiles, s, std::vector<double>(80, 1.0), of, {.shuffles = 0}).auc.value;
  };
  CHECK(auc_with(all_features(80)) > 0.95);
  CHECK(auc_with(families) < 0.6);
}

TEST_CASE("prediction: what every feature survives has a reason and no AUC, and shuffles keep the classes") {
  const std::vector<float> loss(60, 0.0f);
  const controlled_prediction p = predict_with_controls(half_profiles(lossy_table(loss, 1), all_features(60)),
                                                        lossy_sample(loss, 1), std::vector<double>(60, 1.0), {});
  CHECK(!p.reason.empty());
  CHECK(p.verdict() == fit_verdict::no_fit);
  CHECK(std::isnan(p.auc.value));
  std::vector<std::uint8_t> labels(100, 0);
  std::fill_n(labels.begin(), 30, std::uint8_t{1});
  const auto once = shuffled(labels, 1, 0), again = shuffled(labels, 1, 1);
  CHECK(std::count(once.begin(), once.end(), 1) == 30);
  CHECK(once != labels);
  CHECK(once != again);
  CHECK(once == shuffled(labels, 1, 0));
}

TEST_CASE("noise_prediction: scores of one half rank what survives on the other, both ways round") {
  // On the even groups the first features are lost, on the odd ones the last, and few on both.  Either half's scores
  // are those of features that are lost there: they would rank their own half's labels without a fault.
  constexpr std::size_t width = 100;
  const half_profiles profiles(lossy_table(std::vector<float>(width, 0.0f), 1), all_features(width));
  damage_sample s = lossy_sample(std::vector<float>(width, 0.05f), 1);
  for (std::size_t f = 0; f < width; ++f) {
    s.even[f] = f < 40 ? 0.5 : 0.95;
    s.odd[f] = f >= 30 && f < 60 ? 0.5 : 0.95;
  }
  const half_profiles::half* even = &profiles.of(false, profiles.groups());
  const auto variance = [&](const half_profiles::half& seen, std::size_t f) {
    return (&seen == even ? f < 40 : f >= 30 && f < 60) ? 1e3 : 1e-3;
  };
  const std::vector<double> by_even = profiles.scores(false, profiles.groups(), variance),
                            by_odd = profiles.scores(true, profiles.groups(), variance);
  CHECK(auc(by_even, surviving(s.even, 0.9)) == 1.0);
  CHECK(auc(by_odd, surviving(s.odd, 0.9)) == 1.0);
  CHECK(noise_auc_without(s.groups, profiles, s, variance, 0.9) ==
        doctest::Approx(0.5 * (auc(by_even, surviving(s.odd, 0.9)) + auc(by_odd, surviving(s.even, 0.9)))));
  CHECK(noise_auc_without(s.groups, profiles, s, variance, 0.9) < 0.7);
}

TEST_CASE("noise_prediction: no AUC where the smaller class of a half has fewer than 25 features, fitted or not") {
  const auto ranked = [](std::size_t hurt) {
    const auto loss = losses(100, [hurt](std::size_t f) { return f < hurt; });
    const half_profiles profiles(lossy_table(loss, 1), all_features(100));
    return predict_with_controls(profiles, lossy_sample(loss, 1), std::vector<double>(100, 1.0), all_features(100),
                                 {.shuffles = 2}, [](const half_profiles::half&, std::size_t) { return 1.0; });
  };
  const controlled_prediction few = ranked(24);
  CHECK(std::isnan(few.noise_auc.value));
  CHECK(few.noise_auc.range.reason == small_class);
  REQUIRE(few.flips_auc.has_value());
  CHECK(std::isnan(few.flips_auc->value));
  CHECK(!few.reason.empty());
  const controlled_prediction enough = ranked(25);
  CHECK(std::isfinite(enough.noise_auc.value));
  CHECK(std::isfinite(enough.flips_auc->value));
}

}  // namespace controls_controlled_prediction_test

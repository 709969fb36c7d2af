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
}

TEST_CASE("prediction: near-duplicates that are held out one by one flatter it, families do not") {
  // 30 families of 5: their fate is a matter of the family, which only a random number of its own foretells.
  std::mt19937 random(6);
  std::vector<std::uint32_t> families;
  std::vector<std::uint8_t> fate;
  for (int k = 0; k < 30; ++k)
    fate.push_back(random() % 2);
  const std::vector<float> loss = losses(150, [&](std::size_t f) { return fate[f / 5] != 0; });
  for (std::uint32_t f = 0; f < 150; ++f)
    families.push_back(f / 5);
  const std::vector<std::uint8_t> labels = surviving(lossy_sample(loss, 1).r);
  for (const std::uint32_t fold : {0U, 1U})
    for (std::size_t f = 1; f < 150; ++f)
      if (f % 5 != 0) {
        const auto folds = grouped_folds(families, labels, 5, fold);
        REQUIRE(folds[f] == folds[f - 1]);
      }
  const half_profiles profiles(lossy_table(loss, 1), all_features(150));
  CHECK(predict_with_controls(profiles, lossy_sample(loss, 1), std::vector<double>(150, 1.0), families, {.shuffles = 0})
            .fitted.has_value());
}

TEST_CASE("prediction: what every feature survives has a reason and no AUC, and shuffles keep the classes") {
  const std::vector<float> loss(60, 0.0f);
  const controlled_prediction p = predict_with_controls(half_profiles(lossy_table(loss, 1), all_features(60)),
                                                        lossy_sample(loss, 1), std::vector<double>(60, 1.0), {});
  CHECK(!p.reason.empty());
  CHECK(std::isnan(p.auc.value));
  std::vector<std::uint8_t> labels(100, 0);
  std::fill_n(labels.begin(), 30, std::uint8_t{1});
  const auto once = shuffled(labels, 1, 0), again = shuffled(labels, 1, 1);
  CHECK(std::count(once.begin(), once.end(), 1) == 30);
  CHECK(once != labels);
  CHECK(once != again);
  CHECK(once == shuffled(labels, 1, 0));
}

}  // namespace controls_controlled_prediction_test

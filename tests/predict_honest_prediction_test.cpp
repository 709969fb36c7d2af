// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/honest_prediction.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace predict_honest_prediction_test {

using qfa::matrix_view;
using qfa_test::close;

using labels = std::vector<std::uint8_t>;

namespace {

/// Features whose strength, plus noise of one half of the tokens, is both predictor and, above a threshold, label.
struct halves {
  std::vector<double> even_x;
  std::vector<double> odd_x;
  labels even_y;
  labels odd_y;

  halves(std::size_t n, double strength, double noise, double threshold, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    for (std::size_t i = 0; i < n; ++i) {
      const double shared = strength * normal(random);
      even_x.push_back(shared + noise * normal(random));
      odd_x.push_back(shared + noise * normal(random));
      even_y.push_back(even_x.back() > threshold ? 1 : 0);
      odd_y.push_back(odd_x.back() > threshold ? 1 : 0);
    }
  }
  qfa::token_half even() const { return {matrix_view<const double>(even_x.data(), even_x.size(), 1), even_y}; }
  qfa::token_half odd() const { return {matrix_view<const double>(odd_x.data(), odd_x.size(), 1), odd_y}; }
};

}  // namespace

TEST_CASE("predict_honestly: noise that predictor and label share does not count") {
  // No feature has anything of its own: within a half the predictor decides the label, across halves it knows nothing.
  const halves pure(2000, 0.0, 1.0, 0.0, 1);
  const qfa::honest_prediction p = qfa::predict_honestly(pure.even(), pure.odd(), 5);
  CHECK(std::fabs(p.auc - 0.5) < 0.05);
  CHECK(std::fabs(p.marginal_auc.at(0) - 0.5) < 0.05);
  CHECK(p.average_precision == doctest::Approx(p.base_rate).epsilon(0.1));
  CHECK(p.brier == doctest::Approx(0.25).epsilon(0.05));
  const halves leaky(2000, 0.0, 1.0, 0.0, 1);
  CHECK(qfa::predict_honestly({leaky.even().predictors, leaky.odd_y}, {leaky.odd().predictors, leaky.even_y}, 5).auc >
        0.99);
}

TEST_CASE("predict_honestly: is the mean of its two directions, each scored out of fold") {
  const halves h(300, 1.0, 0.7, 0.3, 2);
  const qfa::honest_prediction p = qfa::predict_honestly(h.even(), h.odd(), 9);
  const auto fit = [](matrix_view<const double> x, std::span<const std::uint8_t> y) {
    return qfa::fit_standardized_logistic(x, y);
  };
  double auc = 0.0;
  double slope = 0.0;
  double brier = 0.0;
  double precision = 0.0;
  double middle = 0.0;
  double coefficient = 0.0;
  std::vector<double> log_odds(p.log_odds.size(), 0.0);
  for (const bool swapped : {false, true}) {
    const matrix_view<const double> x = (swapped ? h.odd() : h.even()).predictors;
    const labels& y = swapped ? h.even_y : h.odd_y;
    const std::vector<double> z = qfa::out_of_fold_scores(x, y, qfa::stratified_folds(y, 5, 9), fit);
    std::vector<double> probabilities;
    for (const double v : z)
      probabilities.push_back(1.0 / (1.0 + std::exp(-v)));
    auc += qfa::auc(z, y) / 2.0;
    slope += qfa::fit_calibration_line(z, y).slope / 2.0;
    brier += qfa::brier(probabilities, y) / 2.0;
    precision += qfa::average_precision(z, y) / 2.0;
    middle += qfa::roc_curve(z, y)[50] / 2.0;
    coefficient += fit(x, y).model.coefficients[0] / 2.0;
    for (std::size_t r = 0; r < log_odds.size(); ++r)
      log_odds[r] += z[r] / 2.0;
  }
  CHECK(close(p.roc.at(50), middle, 1e-13));
  CHECK(close(p.coefficients.at(0), coefficient, 1e-12));
  REQUIRE(log_odds.size() == 300);
  for (std::size_t r = 0; r < log_odds.size(); ++r)
    CHECK(close(p.log_odds[r], log_odds[r], 1e-13));
  const qfa::honest_prediction bare = qfa::predict_honestly(h.even(), h.odd(), 9, {}, {.described = false});
  CHECK(bare.auc == p.auc);
  CHECK(bare.roc.empty());
  CHECK(bare.log_odds.empty());
  CHECK(bare.predictor_reliability.empty());
  CHECK(bare.over_families.range.kind == qfa::interval_kind::refused);
  CHECK(p.families == 300);
  // Folds that are given are used, whatever the labels; those that were used are told.
  const qfa::honest_prediction turned =
      qfa::predict_honestly(h.even(), h.odd(), 9, {}, {.folds_as = {p.fold_of[1], p.fold_of[0]}});
  CHECK(turned.fold_of[0] == p.fold_of[1]);
  CHECK(turned.auc != p.auc);
  CHECK(qfa::predict_honestly(h.even(), h.odd(), 1, {}, {.folds_as = p.fold_of}).auc == p.auc);
  const double half = qfa::spearman(h.even_x, h.odd_x);
  CHECK(close(p.predictor_reliability.at(0), 2.0 * half / (1.0 + half), 1e-13));
  CHECK(close(p.over_families.value, p.auc, 1e-13));
  CHECK(p.over_families.range.lower < p.auc);
  CHECK(p.auc < p.over_families.range.upper);
  CHECK(bare.coefficients.empty());
  CHECK(close(p.auc, auc, 1e-13));
  CHECK(close(p.calibration_slope, slope, 1e-12));
  CHECK(close(p.brier, brier, 1e-13));
  CHECK(close(p.average_precision, precision, 1e-13));
  CHECK(p.auc > 0.7);
  CHECK(p.auc < 0.95);
  CHECK(p.refusal.empty());
  const auto [e, o] =
      std::pair(std::count(h.even_y.begin(), h.even_y.end(), 1), std::count(h.odd_y.begin(), h.odd_y.end(), 1));
  CHECK(close(p.base_rate, static_cast<double>(e + o) / 600.0, 1e-15));
  CHECK(p.minority == static_cast<std::size_t>((std::min)({e, o, 300 - e, 300 - o})));
}

TEST_CASE("predict_honestly: swapping the halves changes nothing") {
  const halves h(200, 1.0, 0.5, 0.0, 3);
  const qfa::honest_prediction p = qfa::predict_honestly(h.even(), h.odd(), 4);
  const qfa::honest_prediction q = qfa::predict_honestly(h.odd(), h.even(), 4);
  CHECK(p.auc == q.auc);
  CHECK(p.brier == q.brier);
}

TEST_CASE("predict_honestly: families are held out together") {
  // Twins share everything, and labels are noise: only recognizing a twin could predict them.
  halves h(400, 1.0, 0.0, 0.0, 4);
  std::vector<std::uint32_t> family(400);
  for (std::uint32_t i = 0; i < 400; ++i)
    family[i] = i / 2;
  const qfa::honest_prediction together = qfa::predict_honestly(h.even(), h.odd(), 1, family);
  const qfa::honest_prediction apart = qfa::predict_honestly(h.even(), h.odd(), 1);
  CHECK(together.brier != apart.brier);
  CHECK_THROWS_AS(qfa::predict_honestly(h.even(), h.odd(), 1, std::vector<std::uint32_t>(399)), qfa::error);
}

TEST_CASE("predict_honestly: a small class has no AUC, and the reason is given") {
  halves h(300, 1.0, 0.3, 0.0, 6);
  h.even_y.assign(300, 1);
  h.odd_y.assign(300, 1);
  for (std::size_t i = 0; i < 30; ++i)
    h.even_y[i] = 0;
  for (std::size_t i = 0; i < 24; ++i)
    h.odd_y[i] = 0;
  const qfa::honest_prediction p = qfa::predict_honestly(h.even(), h.odd(), 1);
  CHECK(p.minority == 24);
  CHECK(p.roc.empty());
  CHECK(std::isnan(p.auc));
  CHECK(std::isnan(p.marginal_auc.at(0)));
  CHECK(p.refusal == "the smaller class has 24 features, and an AUC needs at least 25");
  CHECK(std::isfinite(p.average_precision));
  CHECK(std::isfinite(p.brier));
  CHECK(close(p.base_rate, 546.0 / 600.0, 1e-15));
  CHECK(std::isfinite(qfa::predict_honestly(h.even(), h.odd(), 1, {}, {.least_minority = 0}).auc));
  h.odd_y[24] = 0;
  CHECK(qfa::predict_honestly(h.even(), h.odd(), 1).refusal.empty());
}

TEST_CASE("predict_honestly: a class smaller than the folds, other features and other widths are refused") {
  halves h(50, 1.0, 0.3, 0.0, 7);
  const halves other(49, 1.0, 0.3, 0.0, 7);
  CHECK_THROWS_AS(qfa::predict_honestly(h.even(), other.odd(), 1), qfa::error);
  const qfa::token_half narrow{matrix_view<const double>(h.odd_x.data(), 50, 0), h.odd_y};
  CHECK_THROWS_AS(qfa::predict_honestly(h.even(), narrow, 1), qfa::error);
  const qfa::token_half unlabeled{h.odd().predictors, other.odd_y};
  CHECK_THROWS_AS(qfa::predict_honestly(h.even(), unlabeled, 1), qfa::error);
  h.odd_y.assign(50, 1);
  CHECK_THROWS_AS(qfa::predict_honestly(h.even(), h.odd(), 1), qfa::error);
}

}  // namespace predict_honest_prediction_test

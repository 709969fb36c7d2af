// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/published_prediction.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/predict/predictors.hpp"

namespace predict_published_prediction_test {

using qfa::matrix_view;
using qfa_test::close;

using labels = std::vector<std::uint8_t>;

TEST_CASE("predict_as_published: from firing profiles to coefficients, as scikit-learn") {
  const qfa::json data = qfa_test::read_data("compare.json").at("logistic");
  std::vector<qfa::firing_profile> features;
  for (std::size_t i = 0; i < data.at("firing_rate").size(); ++i)
    features.push_back(
        {data.at("firing_rate")[i].get<double>(), data.at("mean")[i].get<double>(), data.at("peak")[i].get<double>()});
  const labels survived = qfa_test::labels(data.at("survived"));
  const qfa::predictor_table table = qfa::tabulate(features);
  const qfa::published_prediction p = qfa::predict_as_published(table.view(), survived, 0);

  for (std::size_t c = 0; c < 4; ++c) {
    CHECK(close(p.all_rows.model.coefficients.at(c), data.at("coefficients")[c].get<double>(), 1e-11));
    CHECK(close(p.all_rows.scaling.mean.at(c), data.at("scale_mean")[c].get<double>(), 1e-13));
    CHECK(close(p.all_rows.scaling.scale.at(c), data.at("scale_std")[c].get<double>(), 1e-13));
    CHECK(close(p.marginal_auc.at(c), data.at("marginal_auc")[c].get<double>(), 1e-13));
  }
  CHECK(close(p.all_rows.model.intercept, data.at("intercept").get<double>(), 1e-11));
  const std::vector<double> probabilities = qfa_test::numbers(data.at("probabilities"));
  for (std::size_t r = 0; r < table.rows; ++r)
    CHECK(close(qfa::probability_of(p.all_rows(table.view().row(r))), probabilities[r], 1e-11));

  // The folds are of another shuffle: the AUC agrees within what the shuffle decides.
  REQUIRE(p.cross_validated.by_fold.size() == 5);
  CHECK(p.cross_validated.mean == doctest::Approx(data.at("published_mean").get<double>()).epsilon(0.02));
}

TEST_CASE("predict_as_published: scales by all rows before any is held out") {
  // Columns that go together, under a strong penalty: c then decides the direction of w and with it every AUC.
  std::vector<double> x = qfa_test::draw(400, 1);
  for (std::size_t r = 0; r < 200; ++r)
    x[2 * r + 1] += 3.0 * x[2 * r];
  const labels survived = qfa_test::draw_labels(200, 2, 0.4);
  const matrix_view<const double> view(x.data(), 200, 2);
  const std::vector<std::uint32_t> fold_of = qfa::stratified_folds(survived, 5, 77);
  const qfa::standardized_rows scaled = qfa::standardize(view);
  const auto fit = [](matrix_view<const double> rows, std::span<const std::uint8_t> y) {
    return qfa::fit_logistic(rows, y, {.c = 1e-3});
  };
  const qfa::fold_aucs expected =
      qfa::auc_by_fold(qfa::out_of_fold_scores(scaled.view(), survived, fold_of, fit), survived, fold_of);
  const qfa::published_prediction p = qfa::predict_as_published(view, survived, 77, {.c = 1e-3});
  CHECK(p.cross_validated.by_fold == expected.by_fold);
  CHECK(p.cross_validated.by_fold != qfa::predict_as_published(view, survived, 77).cross_validated.by_fold);
  CHECK(qfa::predict_as_published(view, survived, 77, {}, 3).cross_validated.by_fold.size() == 3);
}

TEST_CASE("predict_as_published: one class, a class smaller than the folds, and infinite predictors are refused") {
  const std::vector<double> x = qfa_test::draw(20, 1);
  const matrix_view<const double> view(x.data(), 20, 1);
  CHECK_THROWS_AS(qfa::predict_as_published(view, labels(20, 1), 0), qfa::error);
  labels four(20, 1);
  for (std::size_t i = 0; i < 4; ++i)
    four[i] = 0;
  CHECK_THROWS_AS(qfa::predict_as_published(view, four, 0), qfa::error);
  four[9] = 0;
  CHECK_NOTHROW(qfa::predict_as_published(view, four, 0));
  std::vector<double> broken = x;
  broken[3] = qfa_test::infinity;
  CHECK_THROWS_AS(qfa::predict_as_published(matrix_view<const double>(broken.data(), 20, 1), four, 0), qfa::error);
  CHECK_THROWS_AS(qfa::predict_as_published(view, labels(19, 1), 0), qfa::error);
}

}  // namespace predict_published_prediction_test

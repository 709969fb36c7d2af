// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/predictors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace predict_predictors_test {

using qfa::firing_profile;
using qfa_test::close;

TEST_CASE("predictors: agree with numpy, clamped features included") {
  const qfa::json study = qfa_test::read_data("predict.json");
  const std::vector<double> rate = qfa_test::numbers(study.at("rate"));
  const std::vector<double> mean = qfa_test::numbers(study.at("mean"));
  const std::vector<double> peak = qfa_test::numbers(study.at("max"));
  for (const qfa::predictor p : qfa::all_predictors) {
    const std::string name(qfa::predictor_names[static_cast<std::size_t>(p)]);
    const std::vector<double> expected = qfa_test::numbers(study.at("predictors").at(name));
    CAPTURE(name);
    for (std::size_t i = 0; i < rate.size(); ++i)
      CHECK(close(qfa::evaluate(p, {rate[i], mean[i], peak[i]}), expected[i], 1e-14));
  }
}

TEST_CASE("predictors: a published feature, by hand") {
  // Pythia-70M, feature 0 of the published table.
  const firing_profile f{.rate = 0.0021985176282, .mean = 0.0005301675884626, .max = 2.0677947998};
  CHECK(qfa::rarity(f) == doctest::Approx(6.11997).epsilon(1e-5));
  CHECK(qfa::log_mean(f) == doctest::Approx(-7.54232).epsilon(1e-5));
  CHECK(qfa::log_max(f) == doctest::Approx(0.72648).epsilon(1e-4));
  CHECK(qfa::log_concentration(f) == doctest::Approx(8.26879).epsilon(1e-5));
  CHECK(qfa::log_mean_when_active(f) == doctest::Approx(std::log(0.0005301675884626 / 0.0021985176282)));
}

TEST_CASE("predictors: a feature that never fires stops at the clamps") {
  const firing_profile silent{};
  const double limit = -std::log(1e-8);
  CHECK(close(qfa::rarity(silent), limit, 1e-15));
  CHECK(close(qfa::log_mean(silent), -limit, 1e-15));
  CHECK(close(qfa::log_max(silent), -limit, 1e-15));
  CHECK(qfa::log_concentration(silent) == 0.0);  // 0 / 1e-8, raised to 1
  CHECK(qfa::log_mean_when_active(silent) == 0.0);
}

TEST_CASE("predictors: concentration is peak over mean unless a clamp binds") {
  const firing_profile f{.rate = 0.1, .mean = 0.2, .max = 3.0};
  CHECK(close(qfa::log_concentration(f), qfa::log_max(f) - qfa::log_mean(f), 1e-14));
  CHECK(close(qfa::log_mean_when_active(f), qfa::log_mean(f) + qfa::rarity(f), 1e-14));
  CHECK(qfa::log_concentration({.rate = 1.0, .mean = 2.0, .max = 1.0}) == 0.0);
}

TEST_CASE("tabulate: one row per feature, columns as asked") {
  const std::vector<firing_profile> features{{0.1, 0.2, 3.0}, {0.01, 0.5, 60.0}};
  const qfa::predictor_table four = qfa::tabulate(features);
  REQUIRE(four.rows == 2);
  REQUIRE(four.columns == 4);
  CHECK(four.view()(1, 0) == qfa::rarity(features[1]));
  CHECK(four.view()(1, 1) == qfa::log_mean(features[1]));
  CHECK(four.view()(0, 2) == qfa::log_max(features[0]));
  CHECK(four.view()(1, 3) == qfa::log_concentration(features[1]));
  const std::vector<qfa::predictor> two{qfa::predictor::log_mean_when_active, qfa::predictor::rarity};
  const qfa::predictor_table table = qfa::tabulate(features, two);
  CHECK(table.view()(1, 0) == qfa::log_mean_when_active(features[1]));
  CHECK(table.view()(0, 1) == qfa::rarity(features[0]));
  CHECK(qfa::tabulate({}).view().rows() == 0);
}

TEST_CASE("predictors: names are distinct and as many as the predictors, and no other value has a meaning") {
  CHECK(std::set<std::string_view>(qfa::predictor_names.begin(), qfa::predictor_names.end()).size() ==
        qfa::all_predictors.size());
  for (std::size_t i = 0; i < qfa::all_predictors.size(); ++i)
    CHECK(static_cast<std::size_t>(qfa::all_predictors[i]) == i);
  CHECK_THROWS_AS(qfa::evaluate(static_cast<qfa::predictor>(99), firing_profile{}), qfa::error);
}

}  // namespace predict_predictors_test

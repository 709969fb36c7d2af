// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/calibration_line.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/compare/auc.hpp"

namespace predict_calibration_line_test {

using qfa_test::close;

using labels = std::vector<std::uint8_t>;

TEST_CASE("fit_calibration_line: agrees with scikit-learn's regression without a penalty") {
  const qfa::json study = qfa_test::read_data("predict.json");
  const std::vector<double> decision = qfa_test::numbers(study.at("decision"));
  const labels survived = qfa_test::labels(study.at("survived"));
  const qfa::calibration_line line = qfa::fit_calibration_line(decision, survived);
  CHECK(close(line.slope, study.at("calibration").at("slope").get<double>(), 1e-9));
  CHECK(close(line.intercept, study.at("calibration").at("intercept").get<double>(), 1e-9));

  std::vector<double> probabilities;
  for (const double z : decision)
    probabilities.push_back(qfa::probability_of(z));
  CHECK(close(qfa::brier(probabilities, survived), study.at("brier").get<double>(), 1e-13));
  CHECK(close(qfa::average_precision(decision, survived), study.at("average_precision").get<double>(), 1e-13));
}

TEST_CASE("fit_calibration_line: finds the line that labels were drawn from") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform;
  std::vector<double> log_odds;
  labels positive;
  for (int i = 0; i < 100000; ++i) {
    const double z = 4.0 * uniform(random) - 2.0;
    log_odds.push_back(z);
    positive.push_back(uniform(random) < qfa::probability_of(0.3 + 0.5 * z) ? 1 : 0);  // overconfident by two
  }
  const qfa::calibration_line line = qfa::fit_calibration_line(log_odds, positive);
  CHECK(line.slope == doctest::Approx(0.5).epsilon(0.05));
  CHECK(line.intercept == doctest::Approx(0.3).epsilon(0.05));
}

TEST_CASE("fit_calibration_line: nothing where no finite line exists") {
  const auto none = [](const qfa::calibration_line& c) { return std::isnan(c.slope) && std::isnan(c.intercept); };
  CHECK(none(qfa::fit_calibration_line(std::vector{1.0, 2.0, 3.0, 4.0}, labels{0, 0, 1, 1})));
  CHECK(none(qfa::fit_calibration_line(std::vector{1.0, 2.0, 3.0, 4.0}, labels{1, 1, 0, 0})));
  CHECK(
      none(qfa::fit_calibration_line(std::vector{1.0, 2.0, 2.0, 4.0}, labels{0, 0, 1, 1})));  // they meet in one point
  CHECK(none(qfa::fit_calibration_line(std::vector{2.0, 2.0, 2.0, 2.0}, labels{0, 0, 1, 1})));
  CHECK(none(qfa::fit_calibration_line(std::vector{1.0, 2.0}, labels{1, 1})));
  CHECK(none(qfa::fit_calibration_line(std::vector<double>{}, labels{})));
  CHECK(!none(qfa::fit_calibration_line(std::vector{1.0, 2.0, 3.0, 4.0}, labels{0, 1, 0, 1})));
  CHECK_THROWS_AS(qfa::fit_calibration_line(std::vector{1.0}, labels{}), qfa::error);
}

}  // namespace predict_calibration_line_test

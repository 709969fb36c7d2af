// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/standardize.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace predict_standardize_test {

using qfa::matrix_view;
using qfa_test::close;

TEST_CASE("fit_standardizer: agrees with scikit-learn") {
  const qfa::json study = qfa_test::read_data("predict.json");
  const std::vector<const char*> names{"rarity", "log_mean", "log_max", "log_concentration"};
  std::vector<double> x(240 * 4);
  for (std::size_t c = 0; c < 4; ++c) {
    const std::vector<double> column = qfa_test::numbers(study.at("predictors").at(names[c]));
    for (std::size_t r = 0; r < 240; ++r)
      x[r * 4 + c] = column[r];
  }
  const qfa::standardizer s = qfa::fit_standardizer(matrix_view<const double>(x.data(), 240, 4));
  const std::vector<double> mean = qfa_test::numbers(study.at("scaler").at("mean"));
  const std::vector<double> scale = qfa_test::numbers(study.at("scaler").at("scale"));
  for (std::size_t c = 0; c < 4; ++c) {
    CHECK(close(s.mean[c], mean[c], 1e-13));
    CHECK(close(s.scale[c], scale[c], 1e-13));
  }
}

TEST_CASE("fit_standardizer: the standard deviation is divided by n") {
  const std::vector<double> x{1.0, 3.0, 5.0, 7.0};
  const qfa::standardizer s = qfa::fit_standardizer(matrix_view<const double>(x.data(), 4, 1));
  CHECK(s.mean[0] == 4.0);
  CHECK(s.scale[0] == std::sqrt(5.0));
}

TEST_CASE("standardizer: columns get mean 0 and deviation 1") {
  std::vector<double> x = qfa_test::draw(300, 1);
  const matrix_view<double> view(x.data(), 100, 3);
  for (std::size_t r = 0; r < 100; ++r)
    view(r, 1) = 1e6 + 1e-3 * view(r, 1);
  qfa::fit_standardizer(view)(view);
  const qfa::standardizer again = qfa::fit_standardizer(view);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(std::fabs(again.mean[c]) < 1e-5);  // 1e6 has ten digits left for 1e-3
    CHECK(again.scale[c] == doctest::Approx(1.0).epsilon(1e-9));
  }
}

TEST_CASE("standardizer: a constant column keeps its scale and becomes zero, whatever its value") {
  for (const double value : {0.0, 0.1, -1e9, 1e-300}) {
    std::vector<double> x(7, value);
    const matrix_view<double> view(x.data(), 7, 1);
    const qfa::standardizer s = qfa::fit_standardizer(view);
    CAPTURE(value);
    CHECK(s.scale[0] == 1.0);
    s(view);
    for (const double v : x)
      CHECK(std::fabs(v) <= 1e-15 * std::fabs(value));
  }
}

TEST_CASE("standardizer: a small variance about a small mean is kept") {
  std::vector<double> x{1e-12, 3e-12};
  CHECK(close(qfa::fit_standardizer(matrix_view<const double>(x.data(), 2, 1)).scale[0] * 1e12, 1.0, 1e-12));
}

TEST_CASE("standardizer: no rows and other widths are refused") {
  std::vector<double> x{1.0, 2.0};
  CHECK_THROWS_AS(qfa::fit_standardizer(matrix_view<const double>(x.data(), 0, 2)), qfa::error);
  const qfa::standardizer s = qfa::fit_standardizer(matrix_view<const double>(x.data(), 2, 1));
  CHECK_THROWS_AS(s(matrix_view<double>(x.data(), 1, 2)), qfa::error);
}

}  // namespace predict_standardize_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compare/partial_correlation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace compare_partial_correlation_test {

using qfa::matrix_view;
using qfa_test::close;
using qfa_test::draw;

namespace {

/// Columns side by side, row-major.
struct table {
  std::size_t rows;
  std::size_t columns;
  std::vector<double> values;

  explicit table(const std::vector<std::vector<double>>& from)
      : rows(from.at(0).size()), columns(from.size()), values(rows * columns) {
    for (std::size_t c = 0; c < columns; ++c)
      for (std::size_t r = 0; r < rows; ++r)
        values[r * columns + c] = from[c][r];
  }
  matrix_view<const double> view() const { return {values.data(), rows, columns}; }
};

}  // namespace

TEST_CASE("partial_spearman: agrees with least squares by numpy") {
  const qfa::json study = qfa_test::read_data("predict.json");
  const auto column = [&](const char* name) { return qfa_test::numbers(study.at("predictors").at(name)); };
  const std::vector<double> a = qfa_test::numbers(study.at("damage_a"));
  const std::vector<double> b = qfa_test::numbers(study.at("damage_b"));
  const table three({column("rarity"), column("log_mean"), column("log_max")});
  CHECK(close(qfa::partial_spearman(a, b, qfa::rank_controls(three.view())), study.at("partial_three").get<double>(),
              1e-11));
  const table five({column("rarity"), column("log_mean"), column("log_max"), column("log_concentration"),
                    column("log_mean_when_active")});
  CHECK(close(qfa::partial_spearman(a, b, qfa::rank_controls(five.view())), study.at("partial_five").get<double>(),
              1e-11));
}

TEST_CASE("partial_spearman: without controls it is Spearman's") {
  const std::vector<double> a = draw(50, 1, 20);
  const std::vector<double> b = draw(50, 2, 20);
  const qfa::rank_controls none(matrix_view<const double>(nullptr, 50, 0));
  CHECK(none.dimensions() == 1);
  CHECK(close(qfa::partial_spearman(a, b, none), qfa::spearman(a, b), 1e-14));
}

TEST_CASE("rank_controls: residuals are orthogonal to the constant, the ranks and their squares") {
  const std::vector<double> x = draw(200, 3, 50);
  const std::vector<double> y = draw(200, 4);
  const qfa::rank_controls controls(table({x, y}).view());
  CHECK(controls.dimensions() == 5);
  const std::vector<double> left = controls.residual_ranks(draw(200, 5));
  const std::vector<double> of_x = qfa::mid_ranks(x);
  double constant = 0.0;
  double linear = 0.0;
  double square = 0.0;
  for (std::size_t i = 0; i < 200; ++i) {
    constant += left[i];
    linear += left[i] * of_x[i];
    square += left[i] * of_x[i] * of_x[i];
  }
  CHECK(std::fabs(constant) < 1e-9);
  CHECK(std::fabs(linear) < 1e-7);
  CHECK(std::fabs(square) < 1e-5);  // terms of 100 * 200^2, 200 of them
}

TEST_CASE("rank_controls: a repeated, a reversed or a constant predictor adds nothing") {
  const std::vector<double> x = draw(100, 6);
  const std::vector<double> y = draw(100, 7);
  std::vector<double> reversed;
  for (const double v : x)
    reversed.push_back(std::exp(-3.0 * v));
  const qfa::rank_controls plain(table({x, y}).view());
  const qfa::rank_controls padded(table({x, std::vector<double>(100, 4.2), reversed, x, y}).view());
  CHECK(padded.dimensions() == plain.dimensions());
  const std::vector<double> a = draw(100, 8);
  const std::vector<double> b = draw(100, 9);
  CHECK(close(qfa::partial_spearman(a, b, padded), qfa::partial_spearman(a, b, plain), 1e-12));
}

TEST_CASE("partial_spearman: undefined where the controls explain everything") {
  const std::vector<double> x = draw(30, 10);
  const std::vector<double> b = draw(30, 11);
  CHECK(std::isnan(qfa::partial_spearman(x, b, qfa::rank_controls(table({x}).view()))));
  const std::vector<double> few{1.0, 2.0, 3.0};
  const qfa::rank_controls full(table({few}).view());
  CHECK(std::isnan(qfa::partial_spearman(std::vector{2.0, 1.0, 3.0}, std::vector{3.0, 1.0, 2.0}, full)));
}

TEST_CASE("partial_spearman: a common cause correlates two measurements, and held fixed it does not") {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  const std::size_t n = 20000;
  std::vector<double> cause(n);
  std::vector<double> a(n);
  std::vector<double> b(n);
  for (std::size_t i = 0; i < n; ++i) {
    cause[i] = normal(random);
    a[i] = cause[i] + 0.5 * normal(random);
    b[i] = cause[i] + 0.5 * normal(random);
  }
  CHECK(qfa::spearman(a, b) > 0.7);
  CHECK(std::fabs(qfa::partial_spearman(a, b, qfa::rank_controls(table({cause}).view()))) < 0.04);
}

TEST_CASE("rank_controls: other lengths and NaN are refused") {
  const std::vector<double> x = draw(10, 1);
  const qfa::rank_controls controls(table({x}).view());
  CHECK_THROWS_AS(controls.residual_ranks(draw(9, 1)), qfa::error);
  CHECK_THROWS_AS(qfa::rank_controls(table({{1.0, qfa_test::not_a_number}}).view()), qfa::error);
}

}  // namespace compare_partial_correlation_test

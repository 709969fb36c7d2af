// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/logistic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"
#include "qfa/predict/standardize.hpp"

namespace predict_logistic_test {

using qfa::matrix_view;
using qfa_test::close;
using qfa_test::draw;
using qfa_test::draw_labels;

using labels = std::vector<std::uint8_t>;

namespace {

struct study {
  qfa::json data = qfa_test::read_data("predict.json");
  std::vector<double> x;  // (240, 4), standardized
  labels survived = qfa_test::labels(data.at("survived"));

  study() : x(240 * 4) {
    const std::vector<const char*> names{"rarity", "log_mean", "log_max", "log_concentration"};
    for (std::size_t c = 0; c < 4; ++c) {
      const std::vector<double> column = qfa_test::numbers(data.at("predictors").at(names[c]));
      for (std::size_t r = 0; r < 240; ++r)
        x[r * 4 + c] = column[r];
    }
    const matrix_view<double> all(x.data(), 240, 4);
    qfa::fit_standardizer(all)(all);
  }
  matrix_view<const double> view() const { return {x.data(), 240, 4}; }
};

/// 1/2 |w|^2 + c sum log loss, straight from the definition.
double objective(const qfa::logistic_model& m, matrix_view<const double> x, const labels& positive, double c) {
  double sum = 0.0;
  for (const double w : m.coefficients)
    sum += 0.5 * w * w;
  for (std::size_t r = 0; r < x.rows(); ++r) {
    const double z = m(x.row(r));
    sum += c * std::log(1.0 + std::exp(positive[r] != 0 ? -z : z));
  }
  return sum;
}

}  // namespace

TEST_CASE("fit_logistic: agrees with scikit-learn at three strengths of the penalty") {
  const study s;
  for (const auto& fit : s.data.at("fits")) {
    const double c = fit.at("c").get<double>();
    const qfa::logistic_model m = qfa::fit_logistic(s.view(), s.survived, {.c = c});
    const std::vector<double> expected = qfa_test::numbers(fit.at("coefficients"));
    CAPTURE(c);
    CHECK(m.converged);
    for (std::size_t k = 0; k < 4; ++k)
      CHECK(close(m.coefficients[k], expected[k], 1e-10));
    CHECK(close(m.intercept, fit.at("intercept").get<double>(), 1e-10));
  }
}

TEST_CASE("fit_logistic: four columns of rank three are settled by the penalty, to the last digits") {
  const qfa::json data = qfa_test::read_data("compare.json").at("logistic");
  std::vector<double> x;
  for (const auto& row : data.at("columns"))
    for (const auto& v : row)
      x.push_back(v.get<double>());
  const matrix_view<double> all(x.data(), x.size() / 4, 4);
  qfa::fit_standardizer(all)(all);
  const labels survived = qfa_test::labels(data.at("survived"));
  const qfa::logistic_model m = qfa::fit_logistic(all, survived);
  const std::vector<double> expected = qfa_test::numbers(data.at("coefficients"));
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(close(m.coefficients[k], expected[k], 1e-11));
  CHECK(close(m.intercept, data.at("intercept").get<double>(), 1e-11));
  const std::vector<double> probabilities = qfa_test::numbers(data.at("probabilities"));
  for (std::size_t r = 0; r < all.rows(); ++r)
    CHECK(close(qfa::probability_of(m(all.row(r))), probabilities[r], 1e-11));
}

TEST_CASE("fit_logistic: the gradient vanishes at the optimum") {
  const study s;
  const qfa::logistic_model m = qfa::fit_logistic(s.view(), s.survived);
  std::vector<double> gradient(5, 0.0);
  for (std::size_t r = 0; r < 240; ++r) {
    const double miss = 1.0 / (1.0 + std::exp(-m(s.view().row(r)))) - (s.survived[r] != 0 ? 1.0 : 0.0);
    gradient[4] += miss;
    for (std::size_t k = 0; k < 4; ++k)
      gradient[k] += miss * s.view()(r, k);
  }
  for (std::size_t k = 0; k < 4; ++k)
    gradient[k] += m.coefficients[k];
  for (const double g : gradient)
    CHECK(std::fabs(g) < 1e-10);
}

TEST_CASE("fit_logistic: every step away from the optimum leads up") {
  const study s;
  for (const double c : {0.1, 1.0, 10.0}) {
    const qfa::logistic_model best = qfa::fit_logistic(s.view(), s.survived, {.c = c});
    const double least = objective(best, s.view(), s.survived, c);
    for (std::size_t k = 0; k < 5; ++k)
      for (const double step : {-1e-3, 1e-3}) {
        qfa::logistic_model m = best;
        (k < 4 ? m.coefficients[k] : m.intercept) += step;
        CHECK(objective(m, s.view(), s.survived, c) > least);
      }
  }
}

TEST_CASE("fit_logistic: the intercept is not penalized, and a constant column leaves everything to it") {
  // Without columns the model is the base rate.
  const labels three_of_four{1, 1, 1, 0};
  const qfa::logistic_model none = qfa::fit_logistic(matrix_view<const double>(nullptr, 4, 0), three_of_four);
  CHECK(close(none.intercept, std::log(3.0), 1e-12));

  const study s;
  std::vector<double> wide;
  for (std::size_t r = 0; r < 240; ++r) {
    wide.insert(wide.end(), s.view().row(r).begin(), s.view().row(r).end());
    wide.push_back(1.0);
  }
  const qfa::logistic_model m = qfa::fit_logistic(matrix_view<const double>(wide.data(), 240, 5), s.survived);
  const auto& expected = s.data.at("fit_with_constant_column");
  for (std::size_t k = 0; k < 5; ++k)
    CHECK(close(m.coefficients[k], expected.at("coefficients")[k].get<double>(), 1e-10));
  CHECK(close(m.intercept, expected.at("intercept").get<double>(), 1e-10));
}

TEST_CASE("fit_logistic: two equal columns share the weight of one") {
  const std::vector<double> x = draw(60, 4);
  const labels positive = draw_labels(60, 5);
  std::vector<double> twice;
  for (const double v : x)
    twice.insert(twice.end(), {v, v});
  const qfa::logistic_model one = qfa::fit_logistic(matrix_view<const double>(x.data(), 60, 1), positive, {.c = 2.0});
  const qfa::logistic_model two = qfa::fit_logistic(matrix_view<const double>(twice.data(), 60, 2), positive);
  // 1/2 (u^2 + u^2) = 1/2 w^2 / 2 for u = w / 2: half the penalty, that is, twice c.
  CHECK(close(two.coefficients[0], two.coefficients[1], 1e-12));
  CHECK(close(2.0 * two.coefficients[0], one.coefficients[0], 1e-11));
  CHECK(close(two.intercept, one.intercept, 1e-11));
}

TEST_CASE("fit_logistic: a multiple of the data is a multiple of c") {
  const study s;
  std::vector<double> x;
  labels positive;
  for (int copy = 0; copy < 3; ++copy) {
    x.insert(x.end(), s.x.begin(), s.x.end());
    positive.insert(positive.end(), s.survived.begin(), s.survived.end());
  }
  const qfa::logistic_model thrice = qfa::fit_logistic(matrix_view<const double>(x.data(), 720, 4), positive);
  const qfa::logistic_model strong = qfa::fit_logistic(s.view(), s.survived, {.c = 3.0});
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(close(thrice.coefficients[k], strong.coefficients[k], 1e-10));
}

TEST_CASE("fit_logistic: separable classes and columns of wild scale converge all the same") {
  const std::vector<double> x{-2e4, -1e4, 1e4, 3e4};
  const qfa::logistic_model far = qfa::fit_logistic(matrix_view<const double>(x.data(), 4, 1), labels{0, 0, 1, 1});
  CHECK(far.converged);
  CHECK(far(std::vector{1e4}) > 0.0);
  CHECK(far(std::vector{-1e4}) < 0.0);
  const std::vector<double> y{-2.0, -1.0, 1.0, 3.0};
  const qfa::logistic_model loose =
      qfa::fit_logistic(matrix_view<const double>(y.data(), 4, 1), labels{0, 0, 1, 1}, {.c = 1e8});
  CHECK(loose.converged);
  CHECK(loose.coefficients[0] > 5.0);
  // Full Newton steps run away here.
  const std::vector<double> wild{3.0, -4.6, 0.9, 48.3, 1.6, -631.2, 0.8, -739.1, -2.4, 4.1};
  const matrix_view<const double> two(wild.data(), 5, 2);
  const labels three_two{1, 1, 1, 0, 0};
  const qfa::logistic_model tamed = qfa::fit_logistic(two, three_two, {.c = 1e4});
  CHECK(tamed.converged);
  for (std::size_t k = 0; k < 3; ++k) {
    double gradient = k < 2 ? 1e-4 * tamed.coefficients[k] : 0.0;
    for (std::size_t r = 0; r < 5; ++r)
      gradient += (qfa::probability_of(tamed(two.row(r))) - three_two[r]) * (k < 2 ? two(r, k) : 1.0);
    CHECK(std::fabs(gradient) < 1e-8);
  }
  // One outlier of the wrong class.
  std::vector<double> z = draw(50, 9);
  labels positive(50, 0);
  positive[0] = 1;
  z[0] = -1000.0;
  const matrix_view<const double> column(z.data(), 50, 1);
  CHECK(qfa::fit_logistic(column, positive, {.c = 10.0}).converged);
}

TEST_CASE("fit_logistic: swapping the classes turns every sign") {
  const study s;
  labels swapped;
  for (const std::uint8_t y : s.survived)
    swapped.push_back(y != 0 ? 0 : 1);
  const qfa::logistic_model a = qfa::fit_logistic(s.view(), s.survived);
  const qfa::logistic_model b = qfa::fit_logistic(s.view(), swapped);
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(close(a.coefficients[k], -b.coefficients[k], 1e-11));
  CHECK(close(a.intercept, -b.intercept, 1e-11));
}

TEST_CASE("fit_logistic: says when its steps ran out") {
  const study s;
  const qfa::logistic_model m = qfa::fit_logistic(s.view(), s.survived, {.max_steps = 1});
  CHECK(!m.converged);
  CHECK(m.steps == 1);
}

TEST_CASE("fit_logistic: one class, values that are not finite and a senseless c are refused") {
  const std::vector<double> x{1.0, 2.0, 3.0};
  const matrix_view<const double> column(x.data(), 3, 1);
  CHECK_THROWS_WITH_AS(qfa::fit_logistic(column, labels{1, 1, 1}),
                       "fit_logistic needs rows of both classes: one class alone has nothing to predict", qfa::error);
  CHECK_THROWS_AS(qfa::fit_logistic(column, labels{0, 0, 0}), qfa::error);
  CHECK_THROWS_AS(qfa::fit_logistic(matrix_view<const double>(x.data(), 0, 1), labels{}), qfa::error);
  CHECK_THROWS_AS(qfa::fit_logistic(column, labels{0, 1}), qfa::error);
  CHECK_THROWS_AS(qfa::fit_logistic(column, labels{0, 1, 1}, {.c = 0.0}), qfa::error);
  CHECK_THROWS_AS(qfa::fit_logistic(column, labels{0, 1, 1}, {.c = qfa_test::not_a_number}), qfa::error);
  for (const double bad : {qfa_test::not_a_number, qfa_test::infinity, -qfa_test::infinity}) {
    const std::vector<double> broken{1.0, bad, 3.0};
    CHECK_THROWS_AS(qfa::fit_logistic(matrix_view<const double>(broken.data(), 3, 1), labels{0, 1, 1}), qfa::error);
  }
}

TEST_CASE("probability_of: neither end overflows") {
  CHECK(qfa::probability_of(0.0) == 0.5);
  CHECK(qfa::probability_of(1e4) == 1.0);
  CHECK(qfa::probability_of(-1e4) == 0.0);
  CHECK(close(qfa::probability_of(-40.0) / std::exp(-40.0), 1.0, 1e-15));
  CHECK(close(qfa::probability_of(1.5) + qfa::probability_of(-1.5), 1.0, 1e-15));
}

}  // namespace predict_logistic_test

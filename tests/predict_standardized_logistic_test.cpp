// SPDX-License-Identifier: Apache-2.0
#include "qfa/predict/standardized_logistic.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace predict_standardized_logistic_test {

using qfa::matrix_view;
using qfa_test::close;
using qfa_test::draw;

using labels = std::vector<std::uint8_t>;

TEST_CASE("standardize: leaves the rows it was given alone") {
  const std::vector<double> x = draw(60, 1);
  const std::vector<double> before = x;
  const qfa::standardized_rows s = qfa::standardize(matrix_view<const double>(x.data(), 20, 3));
  CHECK(x == before);
  REQUIRE(s.view().rows() == 20);
  REQUIRE(s.view().columns() == 3);
  CHECK(s.view()(7, 2) == (x[7 * 3 + 2] - s.scaling.mean[2]) / s.scaling.scale[2]);
}

TEST_CASE("fit_standardized_logistic: scores rows as they come, by the model of standardized rows") {
  const std::vector<double> x = draw(200, 2);
  const labels positive = qfa_test::draw_labels(100, 3);
  const matrix_view<const double> view(x.data(), 100, 2);
  const qfa::standardized_rows s = qfa::standardize(view);
  const qfa::logistic_model inner = qfa::fit_logistic(s.view(), positive, {.c = 0.5});
  const qfa::standardized_logistic outer = qfa::fit_standardized_logistic(view, positive, {.c = 0.5});
  CHECK(outer.model.coefficients == inner.coefficients);
  for (std::size_t r = 0; r < 100; ++r)
    CHECK(close(outer(view.row(r)), inner(s.view().row(r)), 1e-13));
  CHECK_THROWS_AS(outer(std::vector{1.0}), qfa::error);
}

TEST_CASE("fit_standardized_logistic: units do not matter") {
  std::vector<double> x = draw(200, 4);
  const labels positive = qfa_test::draw_labels(100, 5);
  const qfa::standardized_logistic plain =
      qfa::fit_standardized_logistic(matrix_view<const double>(x.data(), 100, 2), positive);
  std::vector<double> other = x;
  for (std::size_t r = 0; r < 100; ++r)
    other[2 * r] = 1e4 * other[2 * r] - 37.0;
  const qfa::standardized_logistic moved =
      qfa::fit_standardized_logistic(matrix_view<const double>(other.data(), 100, 2), positive);
  for (std::size_t c = 0; c < 2; ++c)
    CHECK(close(plain.model.coefficients[c], moved.model.coefficients[c], 1e-10));
  const std::vector<double> constant(100, 3.3);
  const qfa::standardized_logistic idle =
      qfa::fit_standardized_logistic(matrix_view<const double>(constant.data(), 100, 1), positive);
  CHECK(close(idle.model.coefficients[0], 0.0, 1e-12));
}

}  // namespace predict_standardized_logistic_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/bits/ordinal_logistic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "made_up.hpp"

namespace bits_ordinal_logistic_test {

using namespace qfa;
using qfa_test::close;
using qfa_test::numbers;

namespace {

/// The oracle's rows: a feature on a rung, columns bits, x, bits times x.
struct study {
  json data = qfa_test::read_data("effective_bits.json").at("ordinal");
  std::vector<double> design;
  std::vector<std::uint8_t> classes;
  std::vector<std::uint32_t> cluster_of;

  study() {
    const std::vector<double> bits = numbers(data.at("bits"));
    for (std::size_t f = 0; f < data.at("x").size(); ++f)
      for (std::size_t s = 0; s < bits.size(); ++s) {
        const std::vector<double> x = numbers(data.at("x")[f]);
        design.push_back(bits[s]);
        design.insert(design.end(), x.begin(), x.end());
        for (const double v : x)
          design.push_back(bits[s] * v);
        classes.push_back(data.at("outcome")[f][s].get<std::uint8_t>());
        cluster_of.push_back(data.at("family")[f].get<std::uint32_t>());
      }
  }
  matrix_view<const double> rows() const { return {design.data(), classes.size(), 7}; }
};

}  // namespace

TEST_CASE("fit_ordinal: thresholds, coefficients and clustered errors agree with the oracle") {
  const study s;
  const ordinal_model got = fit_ordinal(s.rows(), s.classes, 3, s.cluster_of);
  CHECK(got.converged);
  CHECK(got.clusters < 40);
  const std::vector<double> errors = numbers(s.data.at("standard_errors"));
  for (std::size_t k = 0; k < 2; ++k)
    CHECK(close(got.thresholds[k], s.data.at("alpha")[k].get<double>(), 1e-8));
  for (std::size_t c = 0; c < 7; ++c)
    CHECK(close(got.coefficients[c], s.data.at("beta")[c].get<double>(), 1e-8));
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(clustered_error(got, i) == doctest::Approx(errors[i]).epsilon(1e-6));  // the oracle's curvature is numerical
}

TEST_CASE("fit_ordinal: separate limits, and the clustered error of their difference, agree with the oracle") {
  const study s;
  std::vector<ordinal_model> fits;
  for (const std::uint8_t above : {std::uint8_t{0}, std::uint8_t{1}}) {
    std::vector<std::uint8_t> yes;
    for (const std::uint8_t k : s.classes)
      yes.push_back(k > above);
    fits.push_back(fit_ordinal(s.rows(), yes, 2, s.cluster_of));
    CHECK(close(-fits.back().thresholds[0], s.data.at("binary_intercepts")[above].get<double>(), 1e-8));
    CHECK(close(fits.back().coefficients[0], s.data.at("binary_bit")[above].get<double>(), 1e-8));
    CHECK(clustered_error(fits.back(), 1) ==
          doctest::Approx(s.data.at("binary_errors")[above].get<double>()).epsilon(1e-6));
    const logistic_model logistic = fit_logistic(s.rows(), yes, {.c = 1000.0});
    CHECK(close(fits.back().coefficients[3], logistic.coefficients[3], 1e-8));
  }
  const double gap = clustered_covariance(fits[0], 1, fits[0], 1) + clustered_covariance(fits[1], 1, fits[1], 1) -
                     2.0 * clustered_covariance(fits[0], 1, fits[1], 1);
  CHECK(std::sqrt(gap) == doctest::Approx(s.data.at("gap_error").get<double>()).epsilon(1e-6));
}

TEST_CASE("fit_ordinal: without columns the thresholds are the log odds of the shares") {
  const std::vector<std::uint8_t> classes{0, 1, 1, 2, 2, 2, 2, 2};
  const std::vector<double> nothing(8, 0.0);
  const ordinal_model got = fit_ordinal({nothing.data(), 8, 1}, classes, 3);
  CHECK(got.converged);
  CHECK(close(got.thresholds[0], std::log(1.0 / 7.0), 1e-9));
  CHECK(close(got.thresholds[1], std::log(3.0 / 5.0), 1e-9));
  CHECK(got.coefficients[0] == 0.0);
  CHECK(got.clusters == 8);
}

TEST_CASE("fit_ordinal: refuses a class without rows, a class too many, and other clusters") {
  const std::vector<double> x{1.0, 2.0, 3.0, qfa_test::not_a_number};
  const std::vector<std::uint8_t> classes{0, 2, 1};
  CHECK_THROWS_AS(fit_ordinal({x.data(), 3, 1}, classes, 4), error);
  CHECK_THROWS_AS(fit_ordinal({x.data(), 3, 1}, classes, 2), error);
  CHECK_THROWS_AS(fit_ordinal({x.data(), 2, 1}, classes, 3), error);
  const std::vector<std::uint8_t> four{0, 2, 1, 1};
  CHECK_THROWS_AS(fit_ordinal({x.data(), 4, 1}, four, 3), error);
  const std::vector<std::uint32_t> clusters{1, 1, 2};
  const ordinal_model a = fit_ordinal({x.data(), 3, 1}, classes, 3, clusters),
                      b = fit_ordinal({x.data(), 3, 1}, classes, 3);
  CHECK_THROWS_AS(clustered_covariance(a, 0, b, 0), error);
  CHECK_THROWS_AS(clustered_covariance(a, 3, a, 0), error);
}

}  // namespace bits_ordinal_logistic_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/inverse_factor.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_inverse_factor_test {

using qfa::column_order;
using qfa::factor_inverse;
using qfa_test::check_refused;
using qfa_test::made_up_layer;
using qfa_test::matrix;

namespace {

/// The largest entry of U^T U H - I, over H as the definition has it.
double distance_from_inverse(const qfa::inverse_factor& f, const qfa::input_statistics& inputs) {
  const std::size_t n = f.columns();
  std::vector<double> h(n * n), uh(n * n, 0.0);
  double mean = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      h[i * n + j] = 2.0 / static_cast<double>(inputs.tokens()) * inputs.gram()(f.order[i], f.order[j]);
    if (f.silent[f.order[i]] != 0) h[i * n + i] = 1.0;
    mean += h[i * n + i] / static_cast<double>(n);
  }
  for (std::size_t i = 0; i < n; ++i)
    h[i * n + i] += f.damping * mean;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t j = 0; j < n; ++j)
        uh[i * n + j] += f.row(i)[k] * h[k * n + j];
  double worst = 0.0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double sum = i == j ? -1.0 : 0.0;
      for (std::size_t k = 0; k < n; ++k)
        sum += f.row(k)[i] * uh[k * n + j];
      worst = (std::max)(worst, std::fabs(sum));
    }
  return worst;
}

}  // namespace

TEST_CASE("factor_inverse: U is upper triangular, its diagonal positive, and U^T U H is the identity") {
  for (const std::size_t n : {1U, 2U, 24U, 128U, 129U, 150U})
    for (const column_order order : {column_order::columns, column_order::activation}) {
      CAPTURE(n);
      const auto of = made_up_layer(1, n);
      const auto f = factor_inverse(of.known.inputs, {}, 0.02, order);
      CHECK(f.damping == 0.02);
      CHECK(distance_from_inverse(f, of.known.inputs) < 1e-10);  // conditions here are up to some 1e3
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j)
          wrong += (i == j ? f.row(i)[j] > 0.0 : f.row(i)[j] == 0.0) ? 0U : 1U;
      CHECK(wrong == 0);
    }
}

TEST_CASE("factor_inverse: the diagonal and the order are the float64 reference's") {
  const auto& inputs = qfa_test::oracle_layer().known.inputs;
  const std::vector<double> diagonal = qfa_test::oracle("gptq.upper_diagonal"), order = qfa_test::oracle("gptq.perm");
  const auto by_columns = factor_inverse(inputs, {});
  const auto by_activation = factor_inverse(inputs, {}, 0.01, column_order::activation);
  REQUIRE(diagonal.size() == by_columns.columns());
  for (std::size_t i = 0; i < diagonal.size(); ++i) {
    CHECK(by_columns.row(i)[i] == doctest::Approx(diagonal[i]).epsilon(1e-11));
    CHECK(by_columns.order[i] == i);
    CHECK(static_cast<double>(by_activation.order[i]) == order[i]);
  }
}

TEST_CASE("factor_inverse: columns without any input are told, equal columns stay in their order") {
  const matrix x{2, 4, {1, 0, 3, 1, 1, 0, -1, -1}};
  qfa::input_statistics inputs(4, true);
  inputs(x.view());
  const auto f = factor_inverse(inputs, {}, 0.01, column_order::activation);
  CHECK(f.silent == std::vector<std::uint8_t>{0, 1, 0, 0});
  CHECK(f.order == std::vector<std::size_t>{2, 0, 3, 1});  // diagonals 2, 1 (silent), 10, 2
}

TEST_CASE("factor_inverse: a silent column counts as one of diagonal 1, in the matrix and in the mean that damps it") {
  const matrix x{2, 4, {1, 0, 3, 1, 1, 0, -1, -1}}, nothing{2, 3, {0, 0, 0, 0, 0, 0}};
  qfa::input_statistics inputs(4, true), silence(3, true);
  inputs(x.view());
  silence(nothing.view());
  for (const column_order order : {column_order::columns, column_order::activation}) {
    const auto f = factor_inverse(inputs, {}, 0.02, order);
    CHECK(distance_from_inverse(f, inputs) < 1e-10);
    // Diagonals 2, 1 (silent), 10 and 2, of mean 3.75; no other column has anything to do with the silent one.
    const std::size_t at = order == column_order::columns ? 1 : 3;
    CHECK(f.row(at)[at] == doctest::Approx(1.0 / std::sqrt(1.0 + 0.02 * 3.75)).epsilon(1e-14));
    const auto of_nothing = factor_inverse(silence, {}, 0.02, order);
    CHECK(of_nothing.silent == std::vector<std::uint8_t>{1, 1, 1});
    CHECK(of_nothing.damping == 0.02);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        CHECK(of_nothing.row(i)[j] == doctest::Approx(i == j ? 1.0 / std::sqrt(1.02) : 0.0).epsilon(1e-14));
  }
}

TEST_CASE("factor_inverse: damping grows where it is not enough") {
  const matrix twins{2, 2, {2, 2, 0, 0}};  // H is 4 everywhere, without a remainder
  qfa::input_statistics inputs(2, true);
  inputs(twins.view());
  const auto f = factor_inverse(inputs, {}, 1e-30);
  CHECK(f.damping == doctest::Approx(0.01));
  CHECK(distance_from_inverse(f, inputs) < 1e-10);
  CHECK(factor_inverse(inputs, {}, 0.005).damping == 0.005);
}

TEST_CASE("factor_inverse: every number of threads gives the same bits") {
  const auto of = made_up_layer(1, 300, 400);
  const std::size_t threads = qfa::thread_count();
  qfa::set_thread_count(1);
  const auto alone = factor_inverse(of.known.inputs, {}).upper;
  for (const std::size_t n : {2U, 3U, 8U}) {
    qfa::set_thread_count(n);
    CHECK(factor_inverse(of.known.inputs, {}).upper == alone);
  }
  qfa::set_thread_count(threads);
}

TEST_CASE("factor_inverse: without tokens or Gram matrix, or with inputs that are not finite, it refuses") {
  const qfa::tensor_info w{.name = "w"};
  check_refused([&] { factor_inverse(qfa::input_statistics(3, true), w); }, {"\"w\"", "Gram matrix"});
  qfa::input_statistics sums(2, false), spoiled(2, true);
  const matrix x{1, 2, {1, 2}}, bad{1, 2, {1, std::numeric_limits<float>::infinity()}};
  sums(x.view());
  spoiled(bad.view());
  check_refused([&] { factor_inverse(sums, w); }, {"\"w\"", "Gram matrix"});
  check_refused([&] { factor_inverse(spoiled, w); }, {"\"w\"", "not finite"});
}

}  // namespace compress_inverse_factor_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/output_error.hpp"

#include <cmath>
#include <cstddef>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"
#include "qfa/core/parallel.hpp"

namespace compress_output_error_test {

using qfa_test::matrix;

TEST_CASE("output_error: it is the sum over the tokens themselves of the squared output differences") {
  for (const std::size_t columns : {1U, 30U, 530U}) {  // the last is more than one strip
    CAPTURE(columns);
    const auto of = qfa_test::made_up_layer(37, columns, 21);
    const matrix q = qfa_test::random_matrix(37, columns, 99);
    double expected = 0.0;
    for (std::size_t t = 0; t < of.x.rows; ++t)
      for (std::size_t r = 0; r < 37; ++r) {
        double y = 0.0;
        for (std::size_t j = 0; j < columns; ++j)
          y += (static_cast<double>(of.weights.view()(r, j)) - static_cast<double>(q.view()(r, j))) *
               static_cast<double>(of.x.view()(t, j));
        expected += y * y;
      }
    CHECK(qfa_test::error_of(of, q) == doctest::Approx(expected).epsilon(1e-11));
  }
}

TEST_CASE("output_error: without a difference there is none, and every number of threads gives the same bits") {
  const auto of = qfa_test::made_up_layer(100, 20);
  CHECK(qfa_test::error_of(of, of.weights) == 0.0);
  const matrix q = qfa_test::random_matrix(100, 20, 99);
  const double error = qfa_test::error_of(of, q);
  const std::size_t threads = qfa::thread_count();
  for (const std::size_t n : {1U, 2U, 3U, 8U}) {
    qfa::set_thread_count(n);
    CHECK(qfa_test::error_of(of, q) == error);
  }
  qfa::set_thread_count(threads);
}

TEST_CASE("output_error: matrices of different shapes, and a Gram matrix of others' columns, are refused") {
  const auto of = qfa_test::made_up_layer(4, 6);
  qfa_test::check_refused([&] { qfa_test::error_of(of, qfa_test::random_matrix(4, 5)); }, {"one shape"});
  qfa_test::check_refused([&] { qfa_test::error_of(of, qfa_test::random_matrix(3, 6)); }, {"one shape"});
  qfa_test::check_refused(
      [&] {
        qfa::output_error(of.weights.view(), of.weights.view(), qfa_test::made_up_layer(4, 7).known.inputs.gram());
      },
      {"Gram matrix"});
}

}  // namespace compress_output_error_test

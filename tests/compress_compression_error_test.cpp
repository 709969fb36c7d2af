// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/compression_error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "compress_controlled_policies.hpp"
#include "pruner_laws.hpp"
#include "qfa/compress/rtn.hpp"

namespace compress_compression_error_test {

using qfa::any_policy;
using qfa::compression_error;
using qfa_test::check_refused;
using qfa_test::matrix;

TEST_CASE("compression_error: it is what the policy makes of the weights less the weights, which stay") {
  const matrix m = qfa_test::row_matrix({3, 1, -2, 0.5f});
  // bits = 2 leaves -3, 0 and 3.
  qfa::weight_copy error = compression_error(any_policy(qfa::rtn{.bits = 2}), m.view(), {}, nullptr);
  CHECK(std::vector<float>(error.values().begin(), error.values().end()) == std::vector<float>{0, -1, -1, -0.5f});
  CHECK(m.values == std::vector<float>{3, 1, -2, 0.5f});
}

TEST_CASE("compression_error: the policy is told of its inputs where they are known") {
  const matrix m = qfa_test::row_matrix({1, 1, 1});
  const qfa::calibration known = qfa_test::counting_inputs(3);
  qfa::weight_copy error = compression_error(any_policy(qfa_test::calibrated_shift{}), m.view(), {}, &known);
  CHECK(std::vector<float>(error.values().begin(), error.values().end()) == std::vector<float>{0, 1, 2});
  check_refused([&] { compression_error(any_policy(qfa_test::calibrated_shift{}), m.view(), {.name = "v"}, nullptr); },
                {"\"v\"", "calibration"});
}

TEST_CASE("compression_error: weights and errors that are not finite are refused") {
  const any_policy spoil([](qfa::matrix_view<float> w) { w(0, 1) = std::numeric_limits<float>::infinity(); }, "spoil");
  check_refused(
      [&] {
        compression_error(spoil, qfa_test::row_matrix({1, 2}).view(), {.name = "v"}, nullptr);
      },
      {"spoil", "\"v\"", "not finite"});
  const matrix bad = qfa_test::row_matrix({std::nanf("")});
  check_refused([&] { compression_error({}, bad.view(), {.name = "v"}, nullptr); }, {"\"v\"", "not finite"});
}

TEST_CASE("frobenius_norm: the root of all squares, the same on any number of threads, beyond what floats hold") {
  CHECK(qfa::frobenius_norm(matrix{2, 2, {1, -2, 2, 4}}.view()) == 5.0);
  CHECK(qfa::frobenius_norm(matrix{}.view()) == 0.0);
  CHECK(qfa::frobenius_norm(matrix{1, 2, {3e30f, 4e30f}}.view()) == doctest::Approx(5e30).epsilon(1e-7));
  const matrix m = qfa_test::random_matrix(300, 200);
  const double once = qfa::frobenius_norm(m.view());
  qfa_test::for_each_thread_count([&] { CHECK(qfa::frobenius_norm(m.view()) == once); });
}

TEST_CASE("require_weight_error: only a policy that changes activations is refused") {
  CHECK_NOTHROW(qfa::require_weight_error("noise", any_policy(qfa::rtn{})));
  check_refused([] { qfa::require_weight_error("noise", any_policy(qfa_test::doubles_both{})); },
                {"noise takes", "doubles_both", "changes activations"});
}

}  // namespace compress_compression_error_test

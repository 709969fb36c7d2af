// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ternary.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "number_formats.hpp"

namespace compress_ternary_test {

using qfa::ternary;
using qfa::ternary_granularity;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

TEST_CASE("ternary: numpy's bits, for a tensor and for each row") {
  qfa_test::check_oracle(ternary{}, "ternary.tensor.values");
  qfa_test::check_oracle(ternary{ternary_granularity::row}, "ternary.row.values");
}

TEST_CASE("ternary: known values, halves of the scale going to zero") {
  // The mean magnitude is 2.
  CHECK(compressed(row_matrix({4, -1, 1.01f, -2.99f, 2, 1}), ternary{}).values ==
        std::vector<float>{2, 0, 2, -2, 2, 0});
  matrix m{2, 2, {4, 0, 0.25f, -0.75f}};
  CHECK(compressed(m, ternary{ternary_granularity::row}).values == std::vector<float>{2, 0, 0, -0.5f});
  CHECK(compressed(m, ternary{}).values == std::vector<float>{1.25f, 0, 0, -1.25f});
}

TEST_CASE("ternary: every weight is -s, 0 or s, and all three occur") {
  const matrix weights = random_matrix(8, 300);
  const matrix q = compressed(weights, ternary{});
  const float s = qfa::absmax(q.values);
  std::size_t low = 0, zero = 0, high = 0;
  for (const float w : q.values) {
    low += w == -s ? 1U : 0U;
    zero += w == 0.0f ? 1U : 0U;
    high += w == s ? 1U : 0U;
  }
  CHECK(low + zero + high == q.values.size());
  CHECK((low > 100 && zero > 100 && high > 100));
  double mean = 0.0;
  for (const float w : weights.values)
    mean += std::fabs(static_cast<double>(w));
  CHECK(s == doctest::Approx(mean / static_cast<double>(weights.values.size())).epsilon(1e-6));
}

TEST_CASE("ternary: the scale is at least 1e-5, and zeros stay zeros with their signs") {
  CHECK(compressed(row_matrix({1e-6f, -4e-6f, 6e-6f}), ternary{}).values == std::vector<float>{0, 0, 1e-5f});
  const matrix zeros = row_matrix({0.0f, -0.0f});
  CHECK(same_bits(compressed(zeros, ternary{}).values, zeros.values));
}

TEST_CASE("ternary: odd, monotone, finite at the extremes, the same on any number of threads and in any view") {
  for (const ternary_granularity per : {ternary_granularity::tensor, ternary_granularity::row}) {
    qfa_test::check_odd(ternary{per});
    qfa_test::check_monotone(ternary{per}, 100);
    qfa_test::check_extremes(ternary{per});
    qfa_test::check_in_place(ternary{per}, 4, 3);
    qfa_test::check_threads(ternary{per});
    qfa_test::check_refuses_infinities(ternary{per}, false);
  }
}

TEST_CASE("ternary: stored bits are two a weight and the scales, and the name says what shares one") {
  CHECK(ternary{}.stored_bits(0, 10) == 0.0);
  CHECK(ternary{ternary_granularity::row}.stored_bits(3, 0) == 0.0);
  CHECK(ternary{}.stored_bits(3, 10) == 60 + 32);
  CHECK(ternary{ternary_granularity::row}.stored_bits(3, 10) == 60 + 3 * 32);
  CHECK(ternary{}.name() == "ternary:per=tensor");
  CHECK(ternary{ternary_granularity::row}.name() == "ternary:per=row");
}

}  // namespace compress_ternary_test

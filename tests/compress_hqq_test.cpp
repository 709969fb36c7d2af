// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/hqq.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "integer_oracle.hpp"
#include "policy_laws.hpp"
#include "scratch.hpp"

namespace compress_hqq_test {

using qfa::hqq;
using qfa_test::compressed;
using qfa_test::integer_matrix;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

TEST_CASE("hqq: both axes, two widths, with and without the optimization, give its definition's floats") {
  const matrix weights = integer_matrix("hqq.weights");
  for (const int bits : {2, 4})
    for (const int axis : {0, 1})
      for (const bool plain : {false, true}) {
        const std::string name =
            "hqq." + std::to_string(bits) + ".axis" + std::to_string(axis) + (plain ? ".plain" : "");
        CAPTURE(name);
        const hqq policy{.bits = bits, .axis = axis, .iterations = plain ? 0 : 20};
        CHECK(same_bits(compressed(weights, policy).values, integer_matrix(name + ".values").values));
      }
}

TEST_CASE("hqq: without optimization it is the plain affine grid with a float zero") {
  // Width 3 in 3 steps of 1 from -0.5: the grid has no zero.
  const hqq plain{.bits = 2, .group = 4, .iterations = 0};
  CHECK(compressed(row_matrix({-0.5f, 2.5f, 0.2f, 1.4f}), plain).values == std::vector<float>{-0.5f, 2.5f, 0.5f, 1.5f});
  hqq rounded = plain;
  rounded.round_zero = true;  // 0.5 goes to 0: codes 0, 2 (of 2.5), 0, 1
  CHECK(compressed(row_matrix({-0.5f, 2.5f, 0.2f, 1.4f}), rounded).values == std::vector<float>{0, 2, 0, 1});
}

TEST_CASE("hqq: the optimization lowers the error's p-norm, which it is for") {
  const matrix weights = integer_matrix("hqq.weights");
  const auto error = [&](int iterations) {
    const matrix got = compressed(weights, hqq{.bits = 2, .iterations = iterations});
    double sum = 0.0;
    for (std::size_t i = 0; i < got.values.size(); ++i)
      sum += std::pow(std::fabs(static_cast<double>(got.values[i]) - static_cast<double>(weights.values[i])), 0.7);
    return sum;
  };
  CHECK(error(20) < 0.99 * error(0));
}

TEST_CASE("hqq: it obeys the laws of policies") {
  const qfa_test::policy_claims claims{
      .groups = qfa::grouping{.per = qfa::group_kind::group, .group = 64}, .levels = 16, .monotone = true};
  qfa_test::check_policy_laws(hqq{}, claims, qfa_test::law_weights(96, 128));
  qfa_test::check_policy_laws(hqq{.bits = 3, .group = 32, .axis = 0, .p = 0.5, .beta = 1.0}, {},
                              qfa_test::law_weights(48, 96));
  qfa_test::check_policy_laws(hqq{.bits = 8, .round_zero = true}, {}, qfa_test::law_weights(48, 128));
}

TEST_CASE("hqq: groups may run over the ends of rows, as reshape has them, and must divide the matrix") {
  const matrix weights = random_matrix(6, 10);
  const matrix flat{1, 60, weights.values};
  for (const int axis : {0, 1}) {
    const hqq policy{.group = 20, .axis = axis};
    CHECK(same_bits(compressed(weights, policy).values, compressed(flat, policy).values));
  }
  matrix m = weights;
  qfa_test::check_refused([&] { hqq{}(m.view(), {.name = "up_proj"}); }, {"up_proj", "64", "60"});
  CHECK(same_bits(m.values, weights.values));
  CHECK(compressed(matrix{0, 5, {}}, hqq{}).values.empty());
}

TEST_CASE("hqq: its numbers are checked, and stored bits count a scale and a zero of 16 bits") {
  for (const char* options : {"bits=0", "bits=9", "group=0", "axis=2", "axis=-1", "iterations=-1", "p=0", "p=1.5",
                              "p=nan", "beta=0", "beta=nan"}) {
    CAPTURE(options);
    qfa_test::check_refused([&] { qfa::parse_policy("hqq:" + std::string(options)); },
                            {"hqq's", std::string_view(options).substr(0, std::string_view(options).find('='))});
  }
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  CHECK(hqq{.bits = 3, .group = huge}.stored_bits(8, 64) == 8 * 64 * 3 + 32);
  CHECK(hqq{.bits = 3}.stored_bits(8, 64) == 8 * 64 * 3 + 8 * 32);
}

}  // namespace compress_hqq_test

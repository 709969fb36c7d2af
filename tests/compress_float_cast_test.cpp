// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/float_cast.hpp"

#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/core/half.hpp"
#include "scratch.hpp"

namespace compress_float_cast_test {

using qfa::float_cast;
using qfa::float_format;
using qfa_test::compressed;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;

TEST_CASE("float_cast: each weight is rounded to bf16 once, ties to even") {
  CHECK(compressed(row_matrix({1.00390625f, 1.01171875f, -1.0f / 3.0f, 0.0f}), float_cast{}).values ==
        std::vector<float>{1.0f, 1.015625f, -0.333984375f, 0.0f});
  const auto m = random_matrix(7, 50);
  const auto cast = compressed(m, float_cast{});
  for (std::size_t i = 0; i < m.values.size(); ++i) CHECK(cast.values[i] == qfa::round_to_bf16(m.values[i]));
  CHECK(same_bits(compressed(cast, float_cast{}).values, cast.values));
}

TEST_CASE("float_cast: to fp32 nothing changes") {
  const auto m = random_matrix(7, 50);
  CHECK(same_bits(compressed(m, float_cast{.to = float_format::fp32}).values, m.values));
}

TEST_CASE("float_cast: a view into a fused tensor is treated as a copy of it would be") {
  qfa_test::check_in_place(float_cast{}, 4, 3);
}

TEST_CASE("float_cast: weights that are not finite, or would not be any more, are refused and left alone") {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max()}) {
    auto m = row_matrix({0.1f, bad});
    qfa_test::check_refused([&] { float_cast{}(m.view(), {.name = "w"}); }, {"\"w\"", "not finite"});
    CHECK(m.values.front() == 0.1f);
  }
}

TEST_CASE("float_cast: stored bits are those of the type") {
  CHECK(float_cast{}.stored_bits(3, 10) == 30 * 16);
  CHECK(float_cast{.to = float_format::fp16}.stored_bits(3, 10) == 30 * 16);
  CHECK(float_cast{.to = float_format::fp32}.stored_bits(3, 10) == 30 * 32);
}

TEST_CASE("float_cast: it says what it is") { CHECK(float_cast{}.name() == "cast:to=bf16"); }

}  // namespace compress_float_cast_test

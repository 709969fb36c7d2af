// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/float_range.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_float_range_test {

using qfa::float_or_infinity;

constexpr float most = std::numeric_limits<float>::max();
constexpr float infinity = std::numeric_limits<float>::infinity();

TEST_CASE("float_or_infinity: what a float can be is rounded, all else is an infinity") {
  CHECK(float_or_infinity(0.1) == 0.1f);
  CHECK(float_or_infinity(static_cast<double>(most)) == most);
  CHECK(float_or_infinity(-static_cast<double>(most)) == -most);
  CHECK(float_or_infinity(std::nextafter(static_cast<double>(most), 1e300)) == infinity);
  CHECK(float_or_infinity(-1e300) == -infinity);
  CHECK(float_or_infinity(std::numeric_limits<double>::infinity()) == infinity);
  CHECK(std::isinf(float_or_infinity(std::nan(""))));
  CHECK(std::signbit(float_or_infinity(-0.0)));
}

TEST_CASE("require_float_range: one sentence names the policy, the row and the place") {
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()})
    qfa_test::check_refused(
        [&] {
          qfa::require_float_range(qfa_test::matrix{2, 2, {1, 2, 3, bad}}.view(), "noise", "here");
        },
        {"noise", "row 1", "here", "range of float"});
  CHECK_NOTHROW(qfa::require_float_range(qfa_test::matrix{1, 2, {most, -most}}.view(), "noise", "here"));
  CHECK_NOTHROW(qfa::require_float_range(qfa_test::matrix{0, 2, {}}.view(), "noise", "here"));
}

}  // namespace compress_float_range_test

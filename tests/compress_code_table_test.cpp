// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/code_table.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include <doctest/doctest.h>

namespace compress_code_table_test {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Every threshold, from below, on it and from above; and what lies beyond all levels.
template <std::size_t N>
void check_thresholds(const qfa::code_table<N>& table) {
  for (std::size_t i = 0; i + 1 < N; ++i) {
    CAPTURE(i);
    const float t = table.thresholds[i];
    CHECK(table.code(std::nextafter(t, -infinity)) == i);
    CHECK(table.code_ties_up(std::nextafter(t, -infinity)) == i);
    CHECK(table.code(t) == i);
    CHECK(table.code_ties_up(t) == i + 1);
    CHECK(table.code(std::nextafter(t, infinity)) == i + 1);
    CHECK(table.code_ties_up(std::nextafter(t, infinity)) == i + 1);
    CHECK(table.round(t) == table.levels[i]);
    CHECK(table.round_ties_up(t) == table.levels[i + 1]);
  }
  CHECK(table.code(-infinity) == 0);
  CHECK(table.code(infinity) == N - 1);
  CHECK(table.code_ties_up(infinity) == N - 1);
  for (std::size_t i = 0; i < N; ++i)
    CHECK(table.round(table.levels[i]) == table.levels[i]);
}

}  // namespace

TEST_CASE("code_table: what lies on a threshold goes to the lower level, or to the upper one where asked") {
  check_thresholds(qfa::midpoint_table<4>({-1.0f, -0.25f, 0.0f, 3.0f}));
  std::array<float, 16> sixteen{};
  for (std::size_t i = 0; i < 16; ++i)
    sixteen[i] = static_cast<float>(i * i) - 30.0f;
  check_thresholds(qfa::midpoint_table(sixteen));
  std::array<float, 256> most{};  // searched, not counted
  for (std::size_t i = 0; i < 256; ++i)
    most[i] = static_cast<float>(i * i) - 3000.0f;
  check_thresholds(qfa::midpoint_table(most));
}

TEST_CASE("code_table: thresholds need not be midpoints") {
  constexpr qfa::code_table<3> lopsided{{0.0f, 1.0f, 2.0f}, {0.9f, 1.1f}};
  CHECK(lopsided.round(0.8f) == 0.0f);
  CHECK(lopsided.round(1.0f) == 1.0f);
  CHECK(lopsided.round(1.2f) == 2.0f);
}

}  // namespace compress_code_table_test

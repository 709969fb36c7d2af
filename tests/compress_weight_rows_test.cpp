// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/weight_rows.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace compress_weight_rows_test {

using qfa::matrix_view;

TEST_CASE("for_each_row: every row is visited once, whatever the shape") {
  for (const std::size_t rows : {0U, 1U, 3U, 40U, 1000U})
    for (const std::size_t columns : {1U, 7U, 5000U, 20000U}) {
      if (rows * columns > 800000) continue;
      std::vector<float> values(rows * columns, 0.0f);
      qfa::for_each_row(matrix_view<float>(values.data(), rows, columns), [&](std::size_t r, std::span<float> row) {
        // A row under another's number would be counted as its neighbor's.
        for (std::size_t c = 0; c < row.size(); ++c) if (&row[c] == &values[r * columns + c]) row[c] += 1.0f;
      });
      std::size_t wrong = 0;
      for (const float x : values) wrong += x == 1.0f ? 0U : 1U;
      CHECK(wrong == 0);
    }
  const matrix_view<float> empty(nullptr, 5, 0);
  qfa::for_each_row(empty, [](std::size_t, std::span<float>) { FAIL("there is no weight"); });
}

TEST_CASE("absmax: the largest magnitude wherever it stands, and 0 of none") {
  CHECK(qfa::absmax({}) == 0.0f);
  for (std::size_t n = 1; n < 70; ++n)
    for (std::size_t at = 0; at < n; ++at) {
      std::vector<float> xs(n, -0.5f);
      xs[at] = at % 2 == 0 ? -3.25f : 3.25f;
      if (qfa::absmax(xs) != 3.25f) FAIL_CHECK("length ", n, ", the largest at ", at);
    }
  CHECK(std::isinf(qfa::absmax(std::vector<float>{1.0f, -std::numeric_limits<float>::infinity()})));
  CHECK(std::isnan(qfa::absmax(
      std::vector<float>{std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 2.0f})));
}

TEST_CASE("finite_row_peaks: one for each row, and the first bad row is named") {
  std::vector<float> values{1, -2, 0, 0, -8, 3};
  const matrix_view<float> m(values.data(), 3, 2);
  CHECK(qfa::finite_row_peaks(m, {}) == std::vector<float>{2, 0, 8});
  values[5] = std::numeric_limits<float>::quiet_NaN();
  qfa_test::check_refused([&] { qfa::finite_row_peaks(m, {.name = "w\n1"}); }, {"row 2", "w\\x0a1", "not finite"});
  values[2] = std::numeric_limits<float>::infinity();
  qfa_test::check_refused([&] { qfa::finite_row_peaks(m, {}); }, {"row 1 of the matrix", "not finite;"});
}

TEST_CASE("finite_row_peaks: what bf16 cannot hold is refused where bf16 is asked for") {
  std::vector<float> values{std::numeric_limits<float>::max()};
  const matrix_view<float> m(values.data(), 1, 1);
  CHECK(qfa::finite_row_peaks(m, {}).size() == 1);
  qfa_test::check_refused([&] { qfa::finite_row_peaks(m, {.name = "w"}, qfa::float_format::bf16); },
                          {"\"w\"", "not finite in bf16"});
}

}  // namespace compress_weight_rows_test

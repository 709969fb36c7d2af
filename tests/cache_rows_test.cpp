// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/rows.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace cache_rows_test {

TEST_CASE("copied_rows and write_rows: gaps between rows are neither read nor written") {
  std::vector<float> x{1, 2, 9, 3, 4, 9, 5, 6, 9};
  const qfa::matrix_view<float> view(x.data(), 3, 2, 3);
  CHECK(qfa::copied_rows(view) == std::vector<float>{1, 2, 3, 4, 5, 6});
  qfa::write_rows(std::vector<float>{6, 5, 4, 3, 2, 1}, view);
  CHECK(x == std::vector<float>{6, 5, 9, 4, 3, 9, 2, 1, 9});
  CHECK(qfa::copied_rows(view.rows_between(1, 1)).empty());
}

TEST_CASE("write_rows: a copy of another size is refused") {
  std::vector<float> x(4, 0.0f);
  const qfa::matrix_view<float> view(x.data(), 2, 2);
  qfa_test::check_refused([&] { qfa::write_rows(std::vector<float>(3, 1.0f), view); }, {"as many"});
  CHECK(x == std::vector<float>(4, 0.0f));
}

}  // namespace cache_rows_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/absmax_grid.hpp"

#include <doctest/doctest.h>

namespace compress_absmax_grid_test {

using qfa::absmax_grid;

TEST_CASE("absmax_grid: halves go to the even code, and values beyond the peak are clipped") {
  const absmax_grid grid{3};  // -4 .. 3
  CHECK(grid.highest() == 3.0);
  CHECK(grid.scale_for(6.0) == 2.0);
  CHECK(grid.value(5.0, 2.0) == 4.0);
  CHECK(grid.value(3.0, 2.0) == 4.0);
  CHECK(grid.value(-1.0, 2.0) == 0.0);
  CHECK(grid.value(99.0, 2.0) == 6.0);
  CHECK(grid.value(-99.0, 2.0) == -8.0);
  CHECK(absmax_grid{}.highest() == 127.0);
}

TEST_CASE("absmax_grid: nothing but zeros has scale 1") {
  CHECK(absmax_grid{}.scale_for(0.0) == 1.0);
  CHECK(absmax_grid{}.value(0.0, 1.0) == 0.0);
}

}  // namespace compress_absmax_grid_test

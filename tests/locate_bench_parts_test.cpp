// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/bench_parts.hpp"

#include <doctest/doctest.h>

namespace locate_bench_parts_test {

TEST_CASE("bench_options: losses are measured by one process in a gibibyte, unless something else is asked for") {
  const qfa::bench_options options;
  CHECK(options.losses);
  CHECK(!options.fits);
  CHECK(!options.allow_bad_sae);
  CHECK(options.memory == 1073741824);
  CHECK(options.ranks.alone());
}

}  // namespace locate_bench_parts_test

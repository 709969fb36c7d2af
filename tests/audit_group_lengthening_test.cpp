// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/group_lengthening.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace audit_group_lengthening_test {

using namespace qfa;

TEST_CASE("group_lengthening: the model with the longest block decides, whichever comes first") {
  const auto rows_of = [](std::size_t run) {
    std::vector<comparison_sum> out(256);
    std::mt19937 random(5);
    double excess = 0.0;
    for (std::size_t r = 0; r < 256; ++r) {
      if (r % run == 0) excess = static_cast<double>(random() % 1024) / 1024.0;
      out[r](token_comparison{.reference_nll = 1.0, .compressed_nll = 1.0 + excess});
    }
    return out;
  };
  for (const bool long_first : {true, false}) {
    group_lengthening lengthening(row_groups(256));
    lengthening(rows_of(long_first ? 16 : 1), row_cosines(256), "first");
    lengthening(rows_of(long_first ? 1 : 16), row_cosines(256), "second");
    const group_halving& found = lengthening.found();
    CHECK(found.from == 64);
    CHECK(lengthening.groups() == row_groups(256, found.to));
    CHECK(found.policy == (long_first ? "first" : "second"));
    CHECK(found.series == "excess loss");
    CHECK(found.block_length > 8.0);
    CHECK(found.to <= 16);
    CHECK(found.long_enough == (256.0 >= 2.0 * found.block_length * static_cast<double>(found.to)));
  }
}

TEST_CASE("group_lengthening: groups stay where no series has a block length") {
  group_lengthening lengthening(row_groups(256));
  lengthening({}, row_cosines(256), "silent");
  CHECK(std::isnan(lengthening.found().block_length));
  CHECK(lengthening.found().to == 64);
  CHECK(lengthening.found().for_halves == 64);
  CHECK(lengthening.found().long_enough);
  CHECK(lengthening.groups() == row_groups(256));
}

}  // namespace audit_group_lengthening_test

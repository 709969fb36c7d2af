// SPDX-License-Identifier: Apache-2.0
#include "qfa/locate/unit_effect.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace locate_unit_effect_test {

using namespace qfa;

TEST_CASE("unit_effect: sums of groups, of all and without one") {
  std::vector<comparison_sum> groups(3);
  for (std::size_t g = 0; g < 3; ++g)
    groups[g](token_comparison{.reference_nll = 1.0, .compressed_nll = 2.0, .kl = static_cast<double>(1 << g)});
  CHECK(sum_without(groups, 3).kl_nats == 7.0);
  CHECK(sum_without(groups, 1).kl_nats == 5.0);
  CHECK(sum_without(groups, 1).tokens() == 2);
}

}  // namespace locate_unit_effect_test

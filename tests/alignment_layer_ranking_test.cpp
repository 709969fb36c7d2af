// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/layer_ranking.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <vector>

namespace alignment_layer_ranking_test {

using namespace qfa;

TEST_CASE("rank_layers: from either end, equals in their order, NaN last") {
  using ranking = std::vector<std::size_t>;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> scores{2.0, nan, 5.0, 2.0, -1.0};
  CHECK(rank_layers(scores, rank_order::highest_first) == ranking{2, 0, 3, 4, 1});
  CHECK(rank_layers(scores, rank_order::lowest_first) == ranking{4, 0, 3, 2, 1});
  CHECK(rank_layers({}, rank_order::lowest_first).empty());
  CHECK(names_of(rank_order{})[0] != names_of(rank_order{})[1]);
}

}  // namespace alignment_layer_ranking_test

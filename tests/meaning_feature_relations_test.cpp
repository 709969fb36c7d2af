// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/feature_relations.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "qfa/core/error.hpp"

namespace meaning_feature_relations_test {

TEST_CASE("feature_relations: neighbors both ways, and a family's weights are lengths along its members' rows") {
  qfa::sae s;
  s.d_in = 2;
  s.d_sae = 5;
  s.w_dec = {1.0f, 0.0f, 0.0f, 3.0f, 3.0f, 4.0f, 0.0f, 0.0f, 2.0f, 0.0f};
  const std::vector<qfa::decoder_pair> similar{{0, 2, 0.6}, {0, 4, 1.0}, {1, 2, 0.8}, {2, 4, 0.6}, {1, 3, 0.5}};
  const qfa::feature_relations r(s, similar, {0, 1, 1, 1, 0});
  using ids = std::vector<std::uint32_t>;
  const auto list = [](std::span<const std::uint32_t> x) { return ids(x.begin(), x.end()); };
  CHECK(list(r.neighbors(0)) == ids{2, 4});
  CHECK(list(r.neighbors(1)) == ids{2});  // a cosine of 1/2 itself makes no neighbors
  CHECK(list(r.neighbors(2)) == ids{0, 1, 4});
  CHECK(r.neighbors(3).empty());
  CHECK(r.first_neighbor(4) == 6);
  CHECK(r.all_neighbors() == 8);
  REQUIRE(r.larger_families().size() == 2);
  CHECK(r.larger_families()[0].members == ids{0, 4});
  CHECK(r.larger_families()[0].weights == std::vector<double>{1.0, 2.0, 1.0, 2.0});
  const auto& mixed = r.larger_families()[1];
  CHECK(mixed.first == 2);
  CHECK(r.all_members() == 5);
  const std::vector<double> weights{3.0, 4.0, 0.0, 2.4, 5.0, 0.0, 0.0, 0.0, 0.0};  // row 3 is zero
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(qfa_test::close(mixed.weights[i], weights[i]));
  CHECK_THROWS_AS(qfa::feature_relations(s, similar, {0, 1}), qfa::error);
}

}  // namespace meaning_feature_relations_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/families.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "laws.hpp"
#include "meaning_oracle.hpp"

namespace sae_families_test {

using ids = std::vector<std::uint32_t>;

TEST_CASE("families: the oracle's edges, and its families without a limit, of 5 % and of three members") {
  const qfa_test::meaning_case c;
  const auto& expected = qfa_test::meaning_numbers()["a11"];
  const std::vector<std::uint64_t> firings = c.firings(c.x);
  const auto block_at = [&](std::size_t row) { return c.rows_of(c.x, row, row + 1); };
  const auto edges = qfa::family_edges(c.dictionary, qfa::similar_features(c.dictionary, 0.5),
                                       qfa::cofiring_features(c.rows, block_at, 40, firings, 0.5), firings);
  REQUIRE(edges.size() == expected["edges"].size());
  for (std::size_t e = 0; e < edges.size(); ++e) {
    CHECK(edges[e].a == expected["edges"][e][0].get<std::uint32_t>());
    CHECK(edges[e].b == expected["edges"][e][1].get<std::uint32_t>());
    CHECK(qfa_test::close(edges[e].cosine, expected["edges"][e][2].get<double>(), 1e-12));
  }
  for (const auto& cut : expected["families"]) {
    const std::size_t limit = cut["limit"].is_null() ? 40 : cut["limit"].get<std::size_t>();
    CAPTURE(limit);
    CHECK(qfa::families_of(40, edges, limit) == cut["family"].get<ids>());
    if (limit == qfa::largest_family(40))
      CHECK(qfa::find_families(c.dictionary, c.rows, block_at, firings) == cut["family"].get<ids>());
  }
  CHECK(qfa::largest_family(40) == 2);
  CHECK(qfa::largest_family(10) == 1);
}

TEST_CASE("families_of: edges of one cosine go together, whatever their order, and the closer ones stay") {
  // A chain 0 1 2 3 by .9 and a tail 3 4 by .8: five members are too many, four are not.
  const std::vector<qfa::family_edge> chain{{0, 1, 0.9}, {1, 2, 0.9}, {2, 3, 0.9}, {3, 4, 0.8}};
  CHECK(qfa::families_of(6, chain, 5) == ids{0, 0, 0, 0, 0, 5});
  CHECK(qfa::families_of(6, chain, 4) == ids{0, 0, 0, 0, 4, 5});
  CHECK(qfa::families_of(6, chain, 3) == ids{0, 1, 2, 3, 4, 5});
  // Two close pairs, and a looser edge between them that would make four.
  CHECK(qfa::families_of(4, std::vector<qfa::family_edge>{{1, 2, 0.75}, {0, 1, 0.8}, {2, 3, 0.9}}, 3) ==
        ids{0, 0, 2, 2});
  // What hangs on a family that is too large by a closer edge than the one that goes stays with it.
  CHECK(qfa::families_of(5, std::vector<qfa::family_edge>{{0, 1, 0.9}, {0, 2, 0.8}, {2, 3, 0.95}, {3, 4, 0.85}}, 3) ==
        ids{0, 0, 2, 2, 2});
}

TEST_CASE("families_of: an edge without a cosine is the first to go") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<qfa::family_edge> edges{{0, 1, none}, {1, 2, -0.3}};
  CHECK(qfa::families_of(3, edges, 3) == ids{0, 0, 0});
  CHECK(qfa::families_of(3, edges, 2) == ids{0, 1, 1});
}

TEST_CASE("families_by_decoder: by similar rows alone, and no larger than their share") {
  // Features 2 k and 2 k + 1 point the same way, give or take a tenth; no two others do.
  qfa::sae s;
  s.d_in = 20;
  s.d_sae = 40;
  s.w_dec.assign(40 * 20, 0.0f);
  for (std::size_t k = 0; k < 20; ++k) {
    s.w_dec[2 * k * 20 + k] = 1.0f;
    s.w_dec[(2 * k + 1) * 20 + k] = 3.0f;
    s.w_dec[(2 * k + 1) * 20 + (k + 1) % 20] = 0.3f;
  }
  ids pairs;
  for (std::uint32_t f = 0; f < 40; ++f)
    pairs.push_back(f - f % 2);
  CHECK(qfa::families_by_decoder(s) == pairs);
  // Of one direction all are one family, which has no closer edges to be cut at but its own.
  for (std::size_t f = 0; f < 40; ++f)
    for (std::size_t i = 0; i < 20; ++i)
      s.w_dec[f * 20 + i] = i == 0 ? 1.0f : 0.0f;
  CHECK(qfa::families_by_decoder(s, {.largest_share = 1.0}) == ids(40, 0));
  CHECK(qfa::families_by_decoder(s)[39] == 39);
}

}  // namespace sae_families_test

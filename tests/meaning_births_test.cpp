// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/births.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "meaning_parts.hpp"

namespace meaning_births_test {

TEST_CASE("births: every count is the oracle's, of neighbors exactly, of all within the counters' bounds") {
  const qfa_test::meaning_case c;
  const auto expected = qfa::read_integers(c.file.at("a11.counts"));
  std::vector<std::uint32_t> alone(40);
  for (std::uint32_t j = 0; j < 40; ++j)
    alone[j] = j;
  const qfa::feature_relations relations = qfa_test::relations_of(c, alone);
  const qfa::births born = qfa_test::record_of(c, relations, qfa::row_groups(16, 4)).pair->born;
  const auto frequent = born.frequent();
  std::size_t neighbors = 0;
  for (std::size_t j = 0; j < 40; ++j) {
    std::vector<std::int64_t> counts(40, 0);
    for (const auto& b : frequent[j].top(64)) {
      counts[b.key] = b.count;
      CHECK(b.error == 0);  // 40 features have room
    }
    for (std::size_t k = 0; k < 40; ++k)
      CHECK(counts[k] == expected[j * 40 + k]);
    // By halves, token by token from the codes: rows of four groups, every other group to a half.
    std::vector<std::array<std::uint64_t, 2>> born_on(relations.neighbors(j).size());
    std::array<std::uint64_t, 2> missed{};
    for (std::size_t t = 0; t < c.x.tokens(); ++t) {
      const auto fires = [&](const qfa::sparse_codes& codes, std::size_t k) {
        return std::ranges::count(codes[t].features, static_cast<std::uint32_t>(k)) > 0;
      };
      if (!fires(c.x, j) || fires(c.y, j)) continue;
      const std::size_t half = t / c.row_tokens / 4 % 2;
      ++missed[half];
      for (std::size_t i = 0; i < born_on.size(); ++i)
        born_on[i][half] += !fires(c.x, relations.neighbors(j)[i]) && fires(c.y, relations.neighbors(j)[i]);
    }
    for (std::size_t half = 0; half < 2; ++half) {
      CHECK(born.missed(j, half) == missed[half]);
      for (std::size_t i = 0; i < born_on.size(); ++i)
        CHECK(born.of_neighbors(relations, j, half)[i] == born_on[i][half]);
    }
    for (std::size_t i = 0; i < relations.neighbors(j).size(); ++i, ++neighbors)
      CHECK(static_cast<std::int64_t>(born.of_neighbors(relations, j)[i]) ==
            expected[j * 40 + relations.neighbors(j)[i]]);
  }
  CHECK(neighbors >= 20);
}

}  // namespace meaning_births_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/side_meanings.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "laws.hpp"
#include "meaning_parts.hpp"

namespace meaning_side_meanings_test {

TEST_CASE("side_meanings: the oracle's strongest contexts and distributions, on both sides") {
  const qfa_test::meaning_case c;
  const qfa::row_groups groups(16, 4);
  for (const bool reference : {true, false}) {
    const qfa::side_meanings side = qfa_test::side_of(c, reference ? c.x : c.y, groups);
    const std::string name = reference ? ".x" : ".y";
    const auto top = qfa::read_integers(c.file.at("a7.top" + name));
    for (std::size_t j = 0; j < 40; ++j) {
      const auto contexts = side.contexts()[j];
      for (std::size_t i = 0; i < 50; ++i) {
        const auto found = i < contexts.size() ? contexts[i].row * 50 + contexts[i].position : 0xFFFFFFFFU;
        CHECK(found == static_cast<std::uint32_t>(top[j * 50 + i]));
      }
    }
    for (const bool of_previous : {false, true}) {
      const auto expected =
          qfa::read_doubles(c.file.at(std::string("a7.distribution.") + (of_previous ? "previous" : "current") + name));
      for (std::size_t row = 0; row < 2; ++row) {
        const qfa::token_weights tokens = side.tokens(row == 0 ? 8 : 20, of_previous);
        std::vector<double> shares(50, 0.0);
        for (std::size_t i = 0; i < tokens.size(); ++i)
          shares.at(tokens.id(i)) = tokens.weight(i) / tokens.total();
        for (std::size_t id = 0; id < 50; ++id)
          CHECK(qfa_test::close(shares[id], expected[row * 50 + id], 1e-13));
      }
    }
  }
}

TEST_CASE("side_meanings: skipped positions have no firings, and still come before the others") {
  const std::vector<std::uint32_t> ids{7, 8, 9}, groups{3};
  qfa::sparse_codes codes(2);
  codes.push(1, 2.0f);
  codes.end_token();
  codes.end_token();
  qfa::side_meanings side(2);
  side(codes, {{ids.data(), 1, 3}, 6, 1, groups});
  REQUIRE(side.contexts()[1].size() == 1);
  CHECK(side.contexts()[1][0] == qfa::context{2.0f, 6, 1});
  CHECK(side.tokens(1).id(0) == 8);
  CHECK(side.tokens(1, true).id(0) == 7);
  CHECK(side.half(1, 0).size() == 0);  // group 3 is odd
  CHECK(side.half(1, 1).size() == 1);
}

}  // namespace meaning_side_meanings_test

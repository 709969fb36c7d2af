// SPDX-License-Identifier: Apache-2.0
#include "qfa/meaning/family_sums.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "laws.hpp"
#include "qfa/sae/sae.hpp"

namespace meaning_family_sums_test {

TEST_CASE("family_sums: a feature whose duplicate takes over loses itself and keeps its family") {
  // Features 0 and 1 point the same way, 1 twice as far; where 0 fired with x, 1 fires with x / 2.  Feature 2 is alone.
  qfa::sae s;
  s.d_in = 2;
  s.d_sae = 3;
  s.w_dec = {1.0f, 0.0f, 2.0f, 0.0f, 0.0f, 1.0f};
  const qfa::feature_relations relations(s, std::vector<qfa::decoder_pair>{{0, 1, 1.0}}, {0, 0, 2});
  qfa::sparse_codes x(3), y(3);
  for (std::size_t t = 0; t < 24; ++t) {
    if (t % 3 != 0) {
      x.push(0, static_cast<float>(t));
      y.push(1, static_cast<float>(t) / 2.0f);
    }
    x.push(2, 1.0f);
    x.end_token();
    y.end_token();
  }
  qfa::family_sums sums(2);
  sums(x, y, relations, std::vector<std::uint32_t>{0, 0, 1, 1});
  const std::vector<qfa::comoments> all = sums.total(24);
  REQUIRE(all.size() == 2);
  for (const qfa::comoments& c : all) {
    CHECK(c.count == 24);
    CHECK(c.xx == c.yy);
    CHECK(qfa::pearson(c) == 1.0);
    CHECK(qfa_test::close(c.sum_x(), 2.0 + 1.0 + 4.0 + 5.0 + 7.0 + 8.0 + 10.0 + 11.0 + 13.0 + 14.0 + 16.0 + 17.0 +
                                         19.0 + 20.0 + 22.0 + 23.0));
  }
}

}  // namespace meaning_family_sums_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/side_record.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "audit_made_up.hpp"

namespace audit_side_record_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("side_record: the first position of each row is told apart from the others") {
  // 2 rows of 3 tokens, 2 wide: norms 5 at the first positions, 1 elsewhere.
  const std::vector<float> x{3, 4, 1, 0, 0, 1, 4, 3, 0, -1, -1, 0};
  const sae dictionary = lossless_sae(2);
  const any_encoder encode(dictionary);
  side_record record(dictionary, encode, {.rows = 2, .row_tokens = 3});
  const matrix_view<const float> view(x.data(), 6, 2);
  record(view, encode(view));
  const first_position first = record.first();
  CHECK(first.position == 0);
  CHECK(first.norm == doctest::Approx(5.0));
  CHECK(first.norm_elsewhere == doctest::Approx(1.0));
  CHECK(first.fvu == doctest::Approx(0.0));
  CHECK(record.energy() == doctest::Approx(54.0));
  CHECK(record.fit().fvu == doctest::Approx(0.0));
  CHECK(record.fit().l0 == doctest::Approx(8.0 / 6.0));
}

}  // namespace audit_side_record_test

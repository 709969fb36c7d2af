// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/token_places.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace model_token_places_test {

using namespace qfa;

TEST_CASE("token_places: a row goes on where its text had ended") {
  const token_places fresh{.columns = 3};
  CHECK(fresh.position(0) == 0);
  CHECK(fresh.position(2) == 2);
  CHECK(fresh.position(3) == 0);
  CHECK(fresh.end() == 3);
  const std::vector<std::size_t> past{5, 0};
  const token_places later{.columns = 3, .past = past};
  CHECK(later.position(0) == 5);
  CHECK(later.position(1) == 6);
  CHECK(later.position(2) == 7);
  CHECK(later.position(3) == 0);
  CHECK(later.position(5) == 2);
  CHECK(later.end() == 8);
}

}  // namespace model_token_places_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/activations.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

namespace model_activations_test {

using namespace qfa;

TEST_CASE("activations: a view has one row for each token, and resizing keeps the memory") {
  activations x;
  x.resize(3, 4);
  x.view()(2, 3) = 7.0f;
  CHECK(std::as_const(x).view()(2, 3) == 7.0f);
  CHECK(x.values.size() == 12);
  const float* const before = x.values.data();
  x.resize(2, 5);
  CHECK(x.view().rows() == 2);
  CHECK(x.view().columns() == 5);
  CHECK(x.values.data() == before);
}

TEST_CASE("activations: a copy of rows that stand apart has them one after the other") {
  const std::vector<float> values{1.0f, 2.0f, 9.0f, 3.0f, 4.0f, 9.0f};
  activations to;
  to.resize(5, 5);
  copy_rows({values.data(), 2, 2, 3}, to);
  CHECK(to.values == std::vector<float>{1.0f, 2.0f, 3.0f, 4.0f});
  CHECK(to.width == 2);
}

}  // namespace model_activations_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/linear_input.hpp"

#include <doctest/doctest.h>

#include <set>

namespace compress_linear_input_test {

using namespace qfa;

TEST_CASE("linear_input: every kind has a name of its own, and they stand in the order of computation") {
  std::set<std::string_view> names(input_kind_names.begin(), input_kind_names.end());
  CHECK(names.size() == 4);
  CHECK(name_of(linear_input{2, input_kind::hidden}) == "the hidden inputs of layer 2");
  CHECK(linear_input{0, input_kind::hidden} < linear_input{1, input_kind::attention});
  CHECK(linear_input{1, input_kind::attention} < linear_input{1, input_kind::mix});
}

}  // namespace compress_linear_input_test

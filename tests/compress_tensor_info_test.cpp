// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/tensor_info.hpp"

#include <cstddef>
#include <set>
#include <string_view>

#include <doctest/doctest.h>

namespace compress_tensor_info_test {

using qfa::tensor_info;
using qfa::tensor_role;

static_assert(qfa::stored_name("a.query_key_value.weight#q") == "a.query_key_value.weight");
static_assert(qfa::stored_name("a.q_proj.weight") == "a.q_proj.weight");
static_assert(qfa::stored_name("").empty());

TEST_CASE("tensor_role: each has a name of its own, in the order of the enumeration") {
  const std::set<std::string_view> distinct(qfa::tensor_role_names.begin(), qfa::tensor_role_names.end());
  CHECK(distinct.size() == static_cast<std::size_t>(tensor_role::other) + 1);
  CHECK(qfa::name_of(tensor_role::query) == "q");
  CHECK(qfa::name_of(tensor_role::key) == "k");
  CHECK(qfa::name_of(tensor_role::value) == "v");
  CHECK(qfa::name_of(tensor_role::attention_out) == "o");
  CHECK(qfa::name_of(tensor_role::gate) == "gate");
  CHECK(qfa::name_of(tensor_role::up) == "up");
  CHECK(qfa::name_of(tensor_role::down) == "down");
  CHECK(qfa::name_of(tensor_role::other) == "other");
}

TEST_CASE("tensor_info: sentences call a matrix by its name, printably, and one without a name the matrix") {
  CHECK(qfa::quoted(tensor_info{.name = "layers.0.q"}) == "tensor \"layers.0.q\"");
  CHECK(qfa::quoted(tensor_info{.name = "a\x1b[2J"}) == "tensor \"a\\x1b[2J\"");
  CHECK(qfa::quoted(tensor_info{}) == "the matrix");
}

}  // namespace compress_tensor_info_test

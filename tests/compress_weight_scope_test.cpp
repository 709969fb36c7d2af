// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/weight_scope.hpp"

#include <doctest/doctest.h>

#include <cstddef>

namespace compress_weight_scope_test {

TEST_CASE("weight_scope: each scope is called what it is") {
  const auto name = [](qfa::weight_scope scope) { return names_of(scope)[static_cast<std::size_t>(scope)]; };
  CHECK(name(qfa::weight_scope::tensor) == "tensor");
  CHECK(name(qfa::weight_scope::row) == "row");
}

}  // namespace compress_weight_scope_test

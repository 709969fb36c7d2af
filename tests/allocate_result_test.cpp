// SPDX-License-Identifier: Apache-2.0
#include "qfa/allocate/result.hpp"

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/compress/rtn.hpp"

namespace allocate_result_test {

TEST_CASE("plan_of: each unit by its name, and nothing else") {
  const qfa::damage_table table{.units = {"a", "b"}, .options = {"x", "y"}};
  const std::vector<qfa::any_policy> policies{qfa::rtn{.bits = 3}, qfa::rtn{.bits = 5}};
  CHECK(qfa::plan_of(table, policies, std::vector<std::size_t>{1, 0}).name() ==
        "plan:tensors=(a=rtn:bits=5;b=rtn:bits=3)");
}

}  // namespace allocate_result_test

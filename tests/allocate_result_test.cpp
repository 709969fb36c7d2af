// SPDX-License-Identifier: Apache-2.0
#include "qfa/allocate/result.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace allocate_result_test {

TEST_CASE("additivity_of: quartiles of what features suffer over what was predicted, where that is something") {
  const std::vector<double> predicted{1.0, 2.0, 0.0, 4.0, 150.0, 1.0, 1.0},
      measured{1.0, 3.0, 5.0, 2.0, 1e9, 0.9, qfa_test::not_a_number};
  const qfa::additivity out = qfa::additivity_of(measured, predicted);
  CHECK(out.features == 5);  // ratios 0.5, 0.9, 1, 1.5, infinite
  CHECK(out.undefined == 2);
  CHECK(out.quartiles == std::array{0.9, 1.0, 1.5});
  CHECK(out.licensed());
  CHECK(!qfa::additivity_of(std::vector{1.0, 1.0, 1.0, 1.51, 2.0}, std::vector(5, 1.0)).licensed());
  CHECK(!qfa::additivity_of(std::vector{1.51}, std::vector{1.0}).licensed());
  CHECK(!qfa::additivity_of(std::vector{0.66}, std::vector{1.0}).licensed());
  CHECK(std::isnan(qfa::additivity_of({}, {}).quartiles[1]));
  CHECK(!qfa::additivity_of({}, {}).licensed());
}

TEST_CASE("plan_of: each unit by its name, and nothing else") {
  const qfa::damage_table table{.units = {"a", "b"}, .options = {"x", "y"}};
  const std::vector<qfa::any_policy> policies{qfa::rtn{.bits = 3}, qfa::rtn{.bits = 5}};
  CHECK(qfa::plan_of(table, policies, std::vector<std::size_t>{1, 0}).name() ==
        "plan:tensors=(a=rtn:bits=5;b=rtn:bits=3)");
}

}  // namespace allocate_result_test

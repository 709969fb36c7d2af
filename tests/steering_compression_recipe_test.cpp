// SPDX-License-Identifier: Apache-2.0
#include "qfa/steering/compression_recipe.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "audit_made_up.hpp"

namespace steering_compression_recipe_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("finished_models: conditions by their names, and what the audit counts") {
  const sae dictionary = lossless_sae(64);
  const audit_settings settings = tiny_settings();
  const audited_model models(tiny_model(), dictionary, settings, false, {});
  const token_rows rows = random_rows(8, 12, 97);
  audit_result audit;
  const finished_models of{models, dictionary, rows, settings, audit, {}};
  CHECK_THROWS_WITH(of.counted(), doctest::Contains("its reference"));
  audit.conditions.resize(2);
  audit.conditions[0].policy = "reference";
  audit.conditions[0].by_honest.counted = {3, 5};
  audit.conditions[1].policy = "rtn:bits=4";
  CHECK(of.counted() == std::vector<std::uint32_t>{3, 5});
  CHECK(&of.condition("rtn:bits=4") == &audit.conditions[1]);
  CHECK_THROWS_WITH(of.condition("rtn:bits=3"), doctest::Contains("is called \"rtn:bits=3\""));
}

}  // namespace steering_compression_recipe_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/align_budget.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "planted_refusals.hpp"

namespace alignment_align_budget_test {

using namespace qfa;

TEST_CASE("align_budget: the planted layer keeps its bits, and more refusals than uniform bits keep at no more bytes") {
  qfa_test::planted_refusals p = qfa_test::planted_outlier_as_safety();
  p.settings.bits = {8, 4, 2};
  behavior asked = p.asked();
  const cache_info shape = cache_shape(asked.reference().config());
  constexpr std::size_t tokens = 64;
  const double uniform_bytes =
      *parse_cache_plan(align_specs{&p.settings}.sweep(4), shape.layers).stored_bits(tokens, shape) / 8.0;
  for (const budget_cost by : {budget_cost::flips, budget_cost::direction}) {
    CAPTURE(budget_cost_names[static_cast<std::size_t>(by)]);
    cache_meter measure(asked, {}, prompt_split::test, tokens);
    const aligned_budget found = align_within(asked, measure, uniform_bytes, tokens, by, p.settings);
    const budgeted_plan& plan = found.found.chosen();
    CHECK(plan.bytes <= uniform_bytes);
    CHECK(found.chosen.name == plan.plan.name());
    const auto lost = [](const measured_cache& m) {
      return m.harmful.reference(verdict::refused) - m.harmful.count(verdict::refused, verdict::refused);
    };
    REQUIRE(found.uniform.size() == 2);  // 4 and 2 bits
    for (const measured_cache& same : found.uniform) {
      CAPTURE(same.name);
      CHECK(lost(found.chosen) < lost(same));
    }
    const std::string worst = plan.plan[p.worst].name();
    for (std::size_t l = 0; l < shape.layers; ++l)
      if (l != p.worst) CHECK(plan.plan[l].name() != worst);
  }
}

TEST_CASE("align_budget: a budget that no plan keeps names the least") {
  qfa_test::planted_refusals p = qfa_test::planted_outlier_as_safety();
  behavior asked = p.asked();
  cache_meter measure(asked, {}, prompt_split::test);
  CHECK_THROWS_WITH(align_within(asked, measure, 10.0, 64, budget_cost::flips, p.settings),
                    doctest::Contains("is too small for a cache of 64 tokens"));
  p.prompts.prompts.resize(1);
  behavior few = p.asked();
  CHECK_THROWS_WITH(align_within(few, measure, 1e6, 64, budget_cost::flips, p.settings),
                    doctest::Contains("a budget needs prompts of the split \"calibration\""));
}

}  // namespace alignment_align_budget_test

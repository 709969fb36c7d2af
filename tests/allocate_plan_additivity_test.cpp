// SPDX-License-Identifier: Apache-2.0
#include "qfa/allocate/plan_additivity.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/compress/weight_plan.hpp"
#include "qfa/locate/locate_damage.hpp"

namespace allocate_plan_additivity_test {

using namespace qfa;
using namespace qfa_test;

namespace {

unit_bench tiny_bench() {
  return unit_bench(tiny_model(), lossless_sae(64), random_rows(40, 12, 97), tiny_settings(published));
}

}  // namespace

TEST_CASE("plan_additivity: of one option for all it is what locating that option's damage finds") {
  const unit_bench bench = tiny_bench();
  const auto units = bench.units(unit_kind::tensors);
  const std::vector<any_policy> policies{rtn{.bits = 3}, rtn{.bits = 4}};
  const std::vector<std::size_t> chosen(units.size(), 1);
  const unit_option mixed = bench.compress(rtn{.bits = 4});
  const unit_additivity found = plan_additivity(bench, units, policies, chosen, mixed, {});
  const unit_additivity located = locate_damage(bench, rtn{.bits = 4}).adds_up;
  CHECK(found.median.value == located.median.value);
  CHECK(found.median.range.kind == interval_kind::two_sided);
  CHECK(found.median.range.lower == located.median.range.lower);
  CHECK(found.upper_quartile == located.upper_quartile);
  CHECK(found.features == located.features);
}

TEST_CASE("plan_additivity: each unit counts under its own option") {
  const unit_bench bench = tiny_bench();
  const auto units = bench.units(unit_kind::tensors);
  const std::vector<any_policy> policies{rtn{.bits = 3}, rtn{.bits = 8}};
  // One unit before the hook has 3 bits: its noise is nearly all there is, alone and in the whole plan.
  std::vector<std::size_t> chosen(units.size(), 1);
  chosen[2] = 0;
  std::vector<weight_plan_part> parts;
  for (std::size_t u = 0; u < units.size(); ++u)
    parts.push_back({units[u].name, policies[chosen[u]]});
  const unit_option mixed = bench.compress(weight_plan{.tensors = parts});
  const unit_additivity found = plan_additivity(bench, units, policies, chosen, mixed, {});
  CHECK(found.median.value > 0.8);
  CHECK(found.median.value < 1.1);
  std::vector<std::size_t> others(units.size(), 0);
  CHECK(plan_additivity(bench, units, policies, others, mixed, {}).median.value < 0.5);
}

}  // namespace allocate_plan_additivity_test

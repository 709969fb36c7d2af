// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/weight_controls.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "qfa/compress/rtn.hpp"

namespace controls_weight_controls_test {

using namespace qfa;

namespace {

/// A policy that changes activations.
struct touching {
  void operator()(matrix_view<float>) const noexcept {}
  void activations(matrix_view<float>, const linear_input&) const noexcept {}
};

}  // namespace

TEST_CASE("weight_controls: every random kind with each seed, the turned sign once, and names of their own") {
  const auto runs = weight_controls_of(rtn{.bits = 4}, 3);
  REQUIRE(runs.size() == 10);
  std::set<std::string> names;
  std::array<int, 7> counts{};
  for (const weight_control_run& run : runs) {
    names.insert(run.policy.name());
    ++counts[static_cast<std::size_t>(run.kind)];
  }
  CHECK(names.size() == 10);
  CHECK(counts == std::array<int, 7>{3, 3, 3, 1, 0, 0, 0});
  CHECK(names.contains("noise:match=(rtn:bits=4),seed=2"));
  CHECK(names.contains("permute:of=(rtn:bits=4),within=tensor,seed=1"));
  CHECK(names.contains("negate:of=(rtn:bits=4)"));
  CHECK(name(control_kind::negated) == "sign turned");
}

TEST_CASE("weight_controls: a policy that changes activations too has none") {
  const any_policy policy(touching{}, "touching");
  REQUIRE(policy.changes_activations());
  CHECK(weight_controls_of(policy, 3).empty());
}

}  // namespace controls_weight_controls_test

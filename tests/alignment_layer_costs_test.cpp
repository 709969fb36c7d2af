// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/layer_costs.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "made_up_caches.hpp"
#include "scratch.hpp"

namespace alignment_layer_costs_test {

using qfa::any_cache_policy;
using qfa::cache_plan;
using qfa::layer_costs;
using qfa::measure_layers;
using qfa_test::check_refused;

namespace {

any_cache_policy named(const std::string& name) { return {qfa_test::rounding_cache{}, name}; }

}  // namespace

TEST_CASE("measure_layers: each choice is measured in each layer alone, and nothing is where nothing is quantized") {
  const cache_plan coarse(named("coarse"), 3), none, mixed({named("a"), {}, named("c")}, "mixed");
  std::vector<std::string> asked;
  const layer_costs out = measure_layers({coarse, none, mixed}, 3, [&](const cache_plan& plan) {
    std::string which;
    for (std::size_t l = 0; l < plan.layers(); ++l)
      which += (l == 0 ? "" : " ") + plan[l].name();
    asked.push_back(which);
    return static_cast<double>(asked.size());
  });
  CHECK(asked == std::vector<std::string>{"coarse none none", "a none none", "none coarse none", "none none coarse",
                                          "none none c"});
  CHECK(out.layers == 3);
  CHECK(out.costs == std::vector<double>{1.0, 0.0, 2.0, 3.0, 0.0, 0.0, 4.0, 0.0, 5.0});
  CHECK(out.cost(0, 2) == 2.0);
  CHECK(out.cost(2, 0) == 4.0);
}

TEST_CASE("alone_in: the plan's policy in one layer, under a name that says so") {
  const cache_plan mixed({named("a"), {}, named("c")}, "mixed");
  const cache_plan one = qfa::alone_in(mixed, 2, 3);
  CHECK(one.name() == "mixed in layer 2");
  CHECK(one[2].name() == "c");
  CHECK(one[0].is_none());
  CHECK(qfa::alone_in(mixed, 1, 3).is_none());
  CHECK(qfa::alone_in({}, 1, 3).layers() == 3);
  CHECK(qfa::policy_in({}, 7).is_none());
}

TEST_CASE("measure_layers: tells how far it is") {
  std::vector<std::size_t> told;
  measure_layers(
      {cache_plan(named("a"), 2)}, 2, [](const cache_plan&) { return 1.0; },
      [&](std::string_view stage, std::size_t done, std::size_t total) {
        CHECK(stage == "layers");
        CHECK(total == 2);
        told.push_back(done);
      });
  CHECK(told == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("measure_layers: refuses no choice, plans of other models, and costs that are no numbers") {
  const qfa::plan_cost nothing = [](const cache_plan&) { return 0.0; };
  check_refused([&] { measure_layers({}, 3, nothing); }, {"at least one layer and one cache"});
  check_refused([&] { measure_layers({cache_plan()}, 0, nothing); }, {"at least one layer and one cache"});
  check_refused([&] { measure_layers({cache_plan(named("a"), 2)}, 3, nothing); }, {"2 layers", "of 3"});
  for (const double bad : {qfa_test::not_a_number, qfa_test::infinity})
    check_refused([&] { measure_layers({cache_plan(named("a"), 3)}, 3, [&](const cache_plan&) { return bad; }); },
                  {"the cost of the cache a in layer 0 is not a finite number"});
}

}  // namespace alignment_layer_costs_test

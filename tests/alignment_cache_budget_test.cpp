// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/cache_budget.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "made_up_caches.hpp"
#include "scratch.hpp"

namespace alignment_cache_budget_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

/// Takes so many bits a value and does nothing.
struct sized {
  double bits;
  void operator()(matrix_view<float>, matrix_view<float>, const cache_update&) const noexcept {}
  double stored_bits(std::size_t tokens, const cache_info& info) const {
    return bits * 2.0 * static_cast<double>(tokens * info.width());
  }
};

const cache_info shape{.layers = 4, .kv_heads = 2, .head_dim = 8};

cache_plan all_of(double bits, const std::string& name) { return {any_cache_policy(sized{bits}, name), shape.layers}; }

/// Two, four and eight bits; the third layer needs eight, the others bear two.
layer_costs planted() {
  return {.layers = 4,
          .choices = {all_of(2, "two"), all_of(4, "four"), all_of(8, "eight")},
          .costs = {1.0, 0.375, 0.25, 1.0, 0.5, 0.25, 64.0, 16.0, 1.0, 1.0, 0.5, 0.25}};
}

/// 10 tokens of 2 x 16 values at so many bits in a layer, in bytes.
double layer_bytes(double bits) { return 40.0 * bits; }

std::vector<std::string> names_of_layers(const cache_plan& plan) {
  std::vector<std::string> names;
  for (std::size_t l = 0; l < plan.layers(); ++l)
    names.push_back(plan[l].name());
  return names;
}

}  // namespace

TEST_CASE("choose_cache: a needy layer gets what others can spare, at the bytes of a uniform plan") {
  const cache_budget out = choose_cache(planted(), shape, {.bytes = 4 * layer_bytes(4), .tokens = 10});
  CHECK(names_of_layers(out.searched.plan) == std::vector<std::string>{"four", "two", "eight", "two"});
  CHECK(out.searched.chosen == std::vector<std::size_t>{1, 0, 2, 0});
  CHECK(out.searched.plan.name() == "two;0=four;2=eight");
  CHECK(out.searched.predicted == 3.375);
  CHECK(out.searched.bytes == 4 * layer_bytes(4));
  CHECK(out.exact);
  CHECK(!out.fallback);
  CHECK(&out.chosen() == &out.searched);
  CHECK(!out.searched.measured);
  CHECK(!out.additivity());
  REQUIRE(out.uniform.size() == 3);
  CHECK(out.uniform[1].plan.name() == "four");
  CHECK(out.uniform[1].bytes == out.searched.bytes);
  CHECK(out.uniform[1].predicted == 17.375);
  CHECK(out.uniform[0].predicted == 67.0);
  CHECK(out.bound <= 3.375);
  CHECK(out.gap() == 3.375 - out.bound);
}

TEST_CASE("choose_cache: a layer without a policy takes 16 bits a value and costs nothing") {
  layer_costs costs = planted();
  costs.choices[2] = {};
  costs.costs = {1.0, 0.5, 0.0, 1.0, 0.5, 0.0, 64.0, 16.0, 0.0, 1.0, 0.5, 0.0};
  const cache_budget out = choose_cache(costs, shape, {.bytes = layer_bytes(16) + 3 * layer_bytes(2), .tokens = 10});
  CHECK(out.searched.plan.name() == "two;2=none");
  CHECK(out.searched.plan[2].is_none());
  CHECK(out.searched.bytes == layer_bytes(16) + 3 * layer_bytes(2));
  CHECK(out.uniform[2].bytes == 4 * layer_bytes(16));
}

TEST_CASE("choose_cache: each layer has its own policy of the plan that was chosen for it") {
  const auto of_layer = [](std::size_t l) { return any_cache_policy(sized{8}, "eight" + std::to_string(l)); };
  layer_costs costs = planted();
  costs.choices[2] = cache_plan({of_layer(0), of_layer(1), of_layer(2), of_layer(3)}, "learned");
  const cache_budget out = choose_cache(costs, shape, {.bytes = 4 * layer_bytes(6), .tokens = 10});
  CHECK(out.searched.plan[2].name() == "eight2");
  for (std::size_t l = 0; l < 4; ++l)
    if (out.searched.chosen[l] == 2) CHECK(out.searched.plan[l].name() == "eight" + std::to_string(l));
  CHECK(out.uniform[2].plan.name() == "learned");
}

TEST_CASE("choose_cache: part bits are paid in full, and part bytes too") {
  const cache_info lone{.layers = 1, .kv_heads = 1, .head_dim = 1};
  const layer_costs costs{.layers = 1,
                          .choices = {{any_cache_policy(sized{1.1}, "a"), 1}, {any_cache_policy(sized{2.6}, "b"), 1}},
                          .costs = {1.0, 0.0}};
  const cache_budget out = choose_cache(costs, lone, {.bytes = 1.0, .tokens = 1});
  CHECK(out.searched.plan.name() == "b");  // 6 bits
  CHECK(out.searched.bytes == 0.75);
  CHECK(choose_cache(costs, lone, {.bytes = 0.74, .tokens = 1}).searched.bytes == 0.375);
  check_refused([&] { choose_cache(costs, lone, {.bytes = 0.3, .tokens = 1}); }, {"at least 1 bytes"});
}

TEST_CASE("choose_cache: more bytes are never predicted to cost more") {
  double before = 1e9;
  for (double bytes = 4 * layer_bytes(2); bytes <= 4 * layer_bytes(9); bytes += 20.0) {
    const cache_budget out = choose_cache(planted(), shape, {.bytes = bytes, .tokens = 10});
    CHECK(out.searched.bytes <= bytes);
    CHECK(out.searched.predicted <= before);
    for (const budgeted_plan& same : out.uniform)
      if (same.bytes <= bytes) CHECK(out.searched.predicted <= same.predicted);
    before = out.searched.predicted;
  }
  CHECK(before == 1.75);
}

TEST_CASE("choose_cache: measures the plan and the uniform ones that keep the budget, each once") {
  std::vector<std::string> asked;
  const plan_cost measure = [&](const cache_plan& plan) {
    asked.push_back(plan.name());
    return plan.name() == "two" ? 70.0 : plan.name() == "four" ? 20.0 : 4.0;
  };
  const cache_budget out =
      choose_cache(planted(), shape, {.bytes = 4 * layer_bytes(4), .tokens = 10, .measure = measure});
  CHECK(asked == std::vector<std::string>{"two;0=four;2=eight", "two", "four"});
  CHECK(out.searched.measured == 4.0);
  CHECK(out.uniform[0].measured == 70.0);
  CHECK(out.uniform[1].measured == 20.0);
  CHECK(!out.uniform[2].measured);
  CHECK(!out.fallback);
  CHECK(*out.additivity() == 4.0 / 3.375);

  asked.clear();
  const cache_budget least =
      choose_cache(planted(), shape, {.bytes = 4 * layer_bytes(2), .tokens = 10, .measure = measure});
  CHECK(asked == std::vector<std::string>{"two"});
  CHECK(least.searched.measured == 70.0);
  CHECK(least.uniform[0].measured == 70.0);
  CHECK(!least.fallback);
}

TEST_CASE("choose_cache: where layers' costs do not add up, the uniform plan that measured best is used") {
  const auto with = [&](double two, double four, double searched) {
    return choose_cache(planted(), shape,
                        {.bytes = 4 * layer_bytes(4), .tokens = 10, .measure = [=](const cache_plan& plan) {
                           return plan.name() == "two" ? two : plan.name() == "four" ? four : searched;
                         }});
  };
  CHECK(with(9.0, 7.0, 8.0).fallback == 1);
  CHECK(with(5.0, 7.0, 8.0).fallback == 0);
  CHECK(with(7.0, 5.0, 8.0).chosen().plan.name() == "four");
  CHECK(with(7.0, 7.0, 8.0).fallback == 0);  // of equals the first
  CHECK(!with(8.0, 8.0, 8.0).fallback);
  CHECK(with(5.0, 7.0, 8.0).searched.measured == 8.0);
  check_refused([&] { with(8.0, qfa_test::not_a_number, 8.0); }, {"measured cost of the cache four is not finite"});
}

TEST_CASE("check_cache_budget: refuses what choose_cache refuses, before anything has a cost") {
  const std::vector<cache_plan> choices = planted().choices;
  check_cache_budget(choices, shape, {.bytes = 4 * layer_bytes(2), .tokens = 10});
  check_refused([&] { check_cache_budget(choices, shape, {.bytes = 4 * layer_bytes(2) - 1, .tokens = 10}); },
                {"a budget of 319 bytes is too small for a cache of 10 tokens", "at least 320 bytes"});
  check_refused([&] { check_cache_budget(choices, shape, {.bytes = 400.0}); }, {"the number of tokens"});
}

TEST_CASE("choose_cache: too small a budget is refused with the least that would do") {
  const double least = 4 * layer_bytes(2);
  CHECK(choose_cache(planted(), shape, {.bytes = least, .tokens = 10}).searched.bytes == least);
  check_refused([&] { choose_cache(planted(), shape, {.bytes = least - 1.0, .tokens = 10}); },
                {"a budget of 319 bytes is too small for a cache of 10 tokens", "at least 320 bytes"});
}

TEST_CASE("choose_cache: refuses what it cannot weigh") {
  layer_costs costs = planted();
  costs.choices[1] = {any_cache_policy(qfa_test::rounding_cache{}, "rounding"), 4};
  check_refused([&] { choose_cache(costs, shape, {.bytes = 1e4, .tokens = 10}); },
                {"rounding does not say how many bits"});
  costs.choices[1] = all_of(-1.0, "negative");
  check_refused([&] { choose_cache(costs, shape, {.bytes = 1e4, .tokens = 10}); }, {"negative must take between 0"});
  costs = planted();
  check_refused([&] { choose_cache(costs, {.layers = 3}, {.bytes = 1e4, .tokens = 10}); }, {"of one model"});
  check_refused([&] { choose_cache(costs, shape, {.bytes = 1e4}); }, {"number of tokens"});
  check_refused([&] { choose_cache(costs, shape, {.bytes = -1.0, .tokens = 10}); }, {"between 0 bytes"});
  check_refused([&] { choose_cache(costs, shape, {.bytes = qfa_test::not_a_number, .tokens = 10}); },
                {"between 0 bytes"});
  costs.costs.pop_back();
  check_refused([&] { choose_cache(costs, shape, {.bytes = 1e4, .tokens = 10}); }, {"cost and the size"});
}

TEST_CASE("cache_budget: text says what was chosen, how sure it is, and what uniform plans do") {
  const auto text = [&](double searched) {
    return choose_cache(planted(), shape,
                        {.bytes = 4 * layer_bytes(4),
                         .tokens = 10,
                         .measure =
                             [=](const cache_plan& plan) {
                               return plan.name() == "two" ? 70.0 : plan.name() == "four" ? 20.0 : searched;
                             }})
        .text();
  };
  CHECK(text(4.0) ==
        "cache of 10 tokens in 640 bytes\n"
        "  chosen    two;0=four;2=eight: 640 bytes, cost 3.375 predicted, 4 measured\n"
        "  exact; no plan is predicted below 3.375 (gap 0)\n"
        "  measured over predicted cost 1.185\n"
        "  uniform   two: 320 bytes, cost 67 predicted, 70 measured\n"
        "  uniform   four: 640 bytes, cost 17.38 predicted, 20 measured\n"
        "  uniform   eight: 1280 bytes, cost 1.75 predicted, beyond the budget\n");
  const std::string fallen = text(35.0);
  CHECK(qfa_test::contains(fallen, "chosen    four: 640 bytes"));
  CHECK(qfa_test::contains(fallen, "searched  two;0=four;2=eight: 640 bytes, cost 3.375 predicted, 35 measured"));
  CHECK(qfa_test::contains(fallen, "measured over predicted cost 10.37: layers' costs do not add up"));
}

}  // namespace alignment_cache_budget_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/direction_error.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "made_up.hpp"
#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "planted_layers.hpp"
#include "qfa/alignment/cache_budget.hpp"
#include "qfa/alignment/layer_costs.hpp"
#include "qfa/cache/spec.hpp"
#include "qfa/model/kv_cache.hpp"
#include "scratch.hpp"

namespace alignment_direction_error_test {

using namespace qfa;
using qfa_test::check_refused;
using qfa_test::made_axis;
using qfa_test::made_prompts;

namespace {

const std::filesystem::path llama = std::filesystem::path(QFA_TEST_DATA) / "models" / "llama";
constexpr hook_point behind{2, hook_kind::resid_post};

/// The definition, prompt by prompt, along 0.6 channel 3 + 0.8 channel 5.
double slow_error(const any_decoder& model, const std::vector<std::vector<std::uint32_t>>& prompts,
                  const cache_use& use, hook_point hook = behind) {
  double sum = 0.0;
  for (const auto& prompt : prompts) {
    const auto along = [&](const cache_use& cache) {
      any_decoder changed = model;
      changed.use_cache(cache.plan, cache.schedule);
      double out = 0.0;
      changed.forward(matrix_view<const std::uint32_t>(prompt.data(), 1, prompt.size()), {.hooks = {hook}},
                      [&](std::size_t, matrix_view<float> x) {
                        const auto last = x.row(prompt.size() - 1);
                        out = 0.6 * static_cast<double>(last[3]) + 0.8 * static_cast<double>(last[5]);
                      });
      return out;
    };
    sum += std::pow(along(use) - along({}), 2.0);
  }
  return sum / static_cast<double>(prompts.size());
}

}  // namespace

TEST_CASE("direction_error: the mean square along the direction at the last tokens, by weight over hooks") {
  const any_decoder model(load_model(llama));
  const auto prompts = made_prompts(13, 5, 1);
  const cache_plan plan(qfa_test::rounding_cache{}, 3);
  const direction_error at_end(model, prompts, {{behind, made_axis(64, 3, 5)}});
  const double expected = slow_error(model, prompts, {plan});
  CHECK(expected > 0.0);
  CHECK(at_end(plan) == doctest::Approx(expected).epsilon(1e-6));
  CHECK(at_end({}) == 0.0);
  CHECK(at_end(cache_plan(any_cache_policy(), 3)) == 0.0);

  const hook_point early{0, hook_kind::resid_post};
  const direction_error at_both(model, prompts,
                                {{early, made_axis(64, 3, 5), 0.5}, {behind, made_axis(64, 3, 5), 3.0}});
  CHECK(at_both(plan) ==
        doctest::Approx(0.5 * slow_error(model, prompts, {plan}, early) + 3.0 * expected).epsilon(1e-6));
}

TEST_CASE("direction_error: caches that attention reads late work as their schedule has it") {
  const any_decoder model(load_model(llama));
  const auto prompts = made_prompts(8, 16, 2);
  const cache_plan plan(qfa_test::waiting_cache{}, 3);
  for (const cache_schedule& schedule : {cache_schedule{}, cache_schedule{.prefill = 1, .step = 2}}) {
    const direction_error error(model, prompts, {{behind, made_axis(64, 3, 5)}}, schedule);
    const double expected = slow_error(model, prompts, {plan, schedule});
    CHECK(expected > 0.0);
    CHECK(error(plan) == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("direction_error: prompts keep their rows however many there are, on any number of threads") {
  const any_decoder model(load_model(llama));
  std::vector<std::vector<std::uint32_t>> prompts = made_prompts(20, 20, 3);
  prompts.erase(prompts.begin(), prompts.begin() + 17);  // of 18, 19 and 20 tokens
  const cache_plan plan(qfa_test::rounding_cache{}, 3);
  const double once = direction_error(model, prompts, {{behind, made_axis(64, 3, 5)}})(plan);
  const auto few = prompts;
  for (int copy = 1; copy < 210; ++copy)  // 210 of 20 tokens do not fit into one pass
    prompts.insert(prompts.end(), few.begin(), few.end());
  const direction_error many(model, prompts, {{behind, made_axis(64, 3, 5)}});
  const double expected = many(plan);
  CHECK(expected == doctest::Approx(once).epsilon(1e-9));
  const direction_error short_one(model, few, {{behind, made_axis(64, 3, 5)}});
  qfa_test::for_each_thread_count([&] { CHECK(short_one(plan) == once); });
}

TEST_CASE("direction_error: a cache in use before is not part of the reference") {
  any_decoder model(load_model(llama));
  const auto prompts = made_prompts(7, 5, 4);
  const cache_plan plan(qfa_test::rounding_cache{}, 3);
  const double expected = direction_error(model, prompts, {{behind, made_axis(64, 3, 5)}})(plan);
  model.use_cache(plan);
  CHECK(direction_error(model, prompts, {{behind, made_axis(64, 3, 5)}})(plan) == expected);
}

TEST_CASE("direction_error: costs of layers find the one layer whose attention is heard") {
  for (const std::size_t heard : {std::size_t{0}, std::size_t{2}}) {
    const any_decoder model(qfa_test::only_heard_in(heard));
    const direction_error error(model, made_prompts(9, 6, 5), {{behind, made_axis(64, 3, 5)}});
    const layer_costs costs = measure_layers({cache_plan(qfa_test::rounding_cache{}, 3), {}}, 3, error);
    for (std::size_t l = 0; l < 3; ++l) {
      CHECK((costs.cost(l, 0) > 0.0) == (l == heard));
      CHECK(costs.cost(l, 1) == 0.0);
    }
  }
}

TEST_CASE("choose_cache: in a model that hears one layer's attention, it beats every uniform cache as large") {
  const std::size_t tokens = 24;
  for (const std::size_t heard : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    const any_decoder model(qfa_test::only_heard_in(heard));
    const watched_subspace watched{behind, made_axis(64, 3, 5)};
    const direction_error calibration(model, made_prompts(16, 12, 1), {watched});
    const direction_error test(model, made_prompts(16, 12, 2), {watched});
    std::vector<cache_plan> choices;
    for (const char* bits : {"2", "3", "4", "6", "8"})
      choices.emplace_back(parse_cache(std::string("section4:bits=") + bits), 3);
    const layer_costs costs = measure_layers(choices, 3, calibration);
    const cache_info of_model = cache_shape(model.config());
    for (std::size_t c = 1; c <= 3; ++c) {
      CAPTURE(c);
      const double bytes = *choices[c].stored_bits(tokens, of_model) / 8.0;
      const cache_budget out = choose_cache(costs, of_model, {.bytes = bytes, .tokens = tokens, .measure = test});
      CHECK(!out.fallback);
      CHECK(out.searched.bytes <= bytes);
      CHECK(out.searched.bytes == *out.searched.plan.stored_bits(tokens, of_model) / 8.0);
      for (std::size_t u = 0; u <= c; ++u)
        CHECK(*out.searched.measured < *out.uniform[u].measured);
      for (std::size_t l = 0; l < 3; ++l)
        CHECK((out.searched.chosen[l] > c) == (l == heard));
    }
  }
}

TEST_CASE("direction_error: refuses to look where a cache would cost nothing, and what does not fit") {
  const any_decoder model(load_model(llama));
  const auto prompts = made_prompts(3, 3, 6);
  const auto refused = [&](std::vector<watched_subspace> watched, std::string_view part) {
    check_refused([&] { direction_error(model, prompts, watched); }, {part});
  };
  const std::string_view blind = "behind the last layer's attention";
  refused({}, blind);
  refused({{{1, hook_kind::resid_post}, made_axis(64, 3, 5)}}, blind);
  refused({{{2, hook_kind::v}, made_axis(16, 3, 5)}}, blind);
  refused({{behind, made_axis(64, 3, 5), 0.0}}, blind);
  refused({{{3, hook_kind::resid_post}, made_axis(64, 3, 5)}}, "no hook blocks.3.hook_resid_post");
  refused({{behind, made_axis(63, 3, 5)}}, "must have 64 channels, not 63");
  refused({{behind, {}}}, "must have 64 channels, not 0");
  refused({{behind, made_axis(64, 3, 5), -1.0}}, "weight");
  refused({{behind, made_axis(64, 3, 5), qfa_test::infinity}}, "weight");
  CHECK(direction_error(model, prompts, {{{2, hook_kind::z}, made_axis(64, 3, 5)}})({}) == 0.0);
  check_refused([&] { direction_error(model, {}, {{behind, made_axis(64, 3, 5)}}); }, {"at least one prompt"});
  check_refused([&] { direction_error(model, {{1}, {}}, {{behind, made_axis(64, 3, 5)}}); }, {"prompt 1 has no token"});
}

}  // namespace alignment_direction_error_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/prompt_activations.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "contrast_prompts.hpp"
#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/model/load.hpp"

namespace alignment_prompt_activations_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

const std::vector<hook_point> some_hooks{{2, hook_kind::resid_post}, {0, hook_kind::k},     {1, hook_kind::rot_k},
                                         {1, hook_kind::v},          {1, hook_kind::rot_q}, {2, hook_kind::resid_pre}};

std::vector<float> row_of(const activations& x, std::size_t row) {
  const auto r = x.view().row(row);
  return {r.begin(), r.end()};
}

/// What hooks show of one text that comes in calls, one row for each token.
std::vector<activations> of_text(const any_decoder& model, const std::vector<std::uint32_t>& text,
                                 const std::vector<std::size_t>& calls, const cache_plan& plan) {
  std::vector<activations> out(some_hooks.size());
  std::vector<kv_cache> cache(1, kv_cache(model.config(), plan));
  forward_scratch scratch;
  std::size_t done = 0;
  for (const std::size_t n : calls) {
    model.extend(
        {text.data() + done, 1, n}, cache, {.hooks = some_hooks},
        [&](std::size_t i, matrix_view<float> x) {
          out[i].resize(done + n, x.columns());
          for (std::size_t t = 0; t < n; ++t)
            std::copy(x.row(t).begin(), x.row(t).end(), out[i].view().row(done + t).begin());
        },
        scratch);
    done += n;
  }
  return out;
}

}  // namespace

TEST_CASE("activations_at: each prompt's row is what the prompt gives by itself, at every kind of position") {
  for (const std::string_view family : {"llama", "gemma2", "gpt_neox"}) {
    CAPTURE(family);
    const any_decoder model(load_model(models / family));
    const auto prompts = qfa_test::draw_prompts(12, 3, 80, 0, 80);
    struct place {
      text_position position;
      std::size_t response;
      std::ptrdiff_t from_end, from_start;
    };
    const std::vector<std::uint32_t> response{5, 6};
    for (const auto& [position, fed, from_end, from_start] :
         {place{last_token(), 0, 1, -1}, place{last_token(2), 0, 3, -1}, place{token_at(1), 0, 0, 1},
          place{last_token(), 2, 1, -1}, place{response_token(1), 2, -1, -1}}) {
      const auto out = activations_at(model, prompts, some_hooks, position, std::span(response).first(fed));
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        std::vector<std::uint32_t> text = prompts[p];
        text.insert(text.end(), response.begin(), response.end());
        const auto alone = of_text(model, text, {text.size()}, {});
        const std::ptrdiff_t at =
            from_start >= 0 ? from_start : static_cast<std::ptrdiff_t>(prompts[p].size()) - from_end;
        for (std::size_t i = 0; i < some_hooks.size(); ++i)
          CHECK(row_of(out[i], p) == row_of(alone[i], static_cast<std::size_t>(at)));
      }
      CHECK(row_of(activations_at(model, prompts, some_hooks[3], position, std::span(response).first(fed)), 4) ==
            row_of(out[3], 4));
    }
  }
}

TEST_CASE("activations_at: a mean is that of the prompt's last tokens, in double") {
  const any_decoder model(load_model(models / "llama"));
  const auto prompts = qfa_test::draw_prompts(6, 4, 80, 0, 80);
  const auto out = activations_at(model, prompts, some_hooks, mean_of_last(3));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto alone = of_text(model, prompts[p], {prompts[p].size()}, {});
    for (std::size_t i = 0; i < some_hooks.size(); ++i)
      for (std::size_t c = 0; c < out[i].width; ++c) {
        double sum = 0.0;
        for (std::size_t t = prompts[p].size() - 3; t < prompts[p].size(); ++t)
          sum += static_cast<double>(alone[i].view()(t, c));
        CHECK(out[i].view()(p, c) == static_cast<float>(sum / 3.0));
      }
  }
}

TEST_CASE(
    "activations_at: a model with a cache reads the prompt in one call, and each token of a response in another") {
  const any_decoder plain(load_model(models / "llama"));
  const auto prompts = qfa_test::draw_prompts(10, 5, 80, 0, 80);
  const std::vector<std::uint32_t> response{5, 6, 9};
  for (const cache_plan& plan : {cache_plan(qfa_test::rounding_cache{cache_point::before_rope}, 3),
                                 cache_plan(qfa_test::rounding_cache{}, 3), cache_plan(qfa_test::waiting_cache{}, 3)}) {
    CAPTURE(plan.name());
    any_decoder model = plain;
    model.use_cache(plan);
    const text_position position{.offset = 2, .count = 2};
    const auto out = activations_at(model, prompts, some_hooks, position, response);
    std::size_t moved = 0;
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      std::vector<std::uint32_t> text = prompts[p];
      text.insert(text.end(), response.begin(), response.end());
      const auto alone = of_text(plain, text, {prompts[p].size(), 1, 1, 1}, plan);
      for (std::size_t i = 0; i < some_hooks.size(); ++i) {
        std::vector<float> mean(out[i].width);
        mean_of_rows(alone[i].view().rows_between(prompts[p].size(), prompts[p].size() + 2), mean);
        CHECK(row_of(out[i], p) == mean);
      }
      moved += row_of(activations_at(plain, prompts, some_hooks[0], position, response), p) != row_of(out[0], p);
    }
    CHECK(moved > 0);
  }
}

TEST_CASE("activations_at: a schedule that says how texts come is obeyed") {
  const any_decoder plain(load_model(models / "llama"));
  const cache_plan plan(qfa_test::waiting_cache{}, 3);
  any_decoder model = plain;
  model.use_cache(plan, {.prefill = 1, .step = 1});
  const auto prompts = qfa_test::draw_prompts(8, 6, 80, 0, 80);
  const auto out = activations_at(model, prompts, some_hooks, last_token());
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const auto alone = of_text(plain, prompts[p], std::vector<std::size_t>(prompts[p].size(), 1), plan);
    for (std::size_t i = 0; i < some_hooks.size(); ++i)
      CHECK(row_of(out[i], p) == row_of(alone[i], prompts[p].size() - 1));
  }
}

TEST_CASE("activations_at: what a first call hides is refused, not reported as no error") {
  any_decoder model(load_model(models / "llama"));
  const qfa_test::token_lists prompts(2, {1, 2, 3});
  const std::vector<std::uint32_t> response{4};
  model.use_cache(cache_plan(qfa_test::waiting_cache{}, 3));
  CHECK_THROWS_WITH(
      activations_at(model, prompts, some_hooks, last_token(), response),
      "waiting shows nothing in the tokens of the first call, whose attention reads what arrived: look at "
      "a token of a response");
  CHECK_THROWS_AS(activations_at(model, prompts, some_hooks, mean_of_last(2), response), error);
  CHECK(activations_at(model, prompts, some_hooks, response_token(), response).size() == some_hooks.size());
  model.use_cache(cache_plan(qfa_test::rounding_cache{}, 3));
  CHECK(activations_at(model, prompts, some_hooks, last_token()).front().tokens == 2);
}

TEST_CASE("activations_at: neither threads nor other prompts change a bit") {
  const any_decoder plain(load_model(models / "llama"));
  any_decoder cached = plain;
  cached.use_cache(cache_plan(qfa_test::rounding_cache{}, 3));
  auto prompts = qfa_test::draw_prompts(9, 7, 80, 0, 80);
  // Of one length, more than a batch holds.
  const auto many = qfa_test::draw_prompts(340, 8, 80, 0, 80);
  for (auto prompt : many) {
    prompt.resize(12, 1);
    prompts.push_back(prompt);
  }
  const std::vector<std::uint32_t> response{5};
  const hook_point hook{2, hook_kind::resid_post};
  for (const any_decoder* model : {&std::as_const(plain), &std::as_const(cached)}) {
    const activations all = activations_at(*model, prompts, hook, response_token(), response);
    qfa_test::for_each_thread_count(
        [&] { CHECK(activations_at(*model, prompts, hook, response_token(), response).values == all.values); });
    for (const std::size_t p : {std::size_t{3}, std::size_t{8}, std::size_t{100}, std::size_t{345}}) {
      const auto one = activations_at(*model, std::span(prompts).subspan(p, 1), hook, response_token(), response);
      CHECK(one.values == row_of(all, p));
    }
  }
}

TEST_CASE("activations_at: prompts that lack the position are refused, no prompts give no rows") {
  const any_decoder model(load_model(models / "llama"));
  const qfa_test::token_lists prompts{{1, 2, 3}, {1}}, beyond{{1, 1000}};
  CHECK_THROWS_AS(activations_at(model, prompts, some_hooks, last_token(1)), error);
  CHECK_THROWS_AS(activations_at(model, prompts, hook_point{7, hook_kind::k}, last_token()), error);
  CHECK_THROWS_AS(activations_at(model, beyond, some_hooks, last_token()), error);
  const auto none = activations_at(model, {}, some_hooks[1], last_token());
  CHECK(none.tokens == 0);
  CHECK(none.width == 16);
}

}  // namespace alignment_prompt_activations_test

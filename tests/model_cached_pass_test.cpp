// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/cached_pass.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "made_up_caches.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "slow_cache.hpp"

namespace model_cached_pass_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("cached_pass: calls add up to the text") {
  const cache_plan stored(qfa_test::rounding_cache{}, 2), arrived(qfa_test::waiting_cache{}, 2);
  using sizes = std::vector<std::size_t>;
  CHECK(calls_of({}, stored, 5) == sizes{5});
  CHECK(calls_of({}, arrived, 3) == sizes{1, 1, 1});
  CHECK(calls_of({.prefill = 2}, stored, 5) == sizes{2, 1, 1, 1});
  CHECK(calls_of({.prefill = 2, .step = 2}, arrived, 5) == sizes{2, 2, 1});
  CHECK(calls_of({.prefill = 9}, stored, 5) == sizes{5});
  CHECK(calls_of({}, arrived, 1) == sizes{1});
  CHECK(calls_of({}, stored, 0).empty());
  CHECK_THROWS_WITH(calls_of({.prefill = 0}, arrived, 5),
                    "waiting shows nothing in a text that comes in one call, whose attention reads what arrived: say "
                    "how many tokens come first");
  CHECK_THROWS_WITH(calls_of({.step = 0}, stored, 5), "a call needs at least one token");
}

TEST_CASE("cached_pass: hooks and final states of all calls are those of the slow simulation, text by text") {
  const any_decoder model(load_model(models / "qwen2"));
  const decoder<> plain(load_model(models / "qwen2"));
  const token_rows tokens = read_tokens(models / "qwen2" / "tokens.npy", {});
  const cache_plan plan(qfa_test::waiting_cache{}, model.config().layers);
  any_decoder cached = model;
  cached.use_cache(plan, {.prefill = 4, .step = 3});
  CHECK(cached.cache().plan.name() == "waiting");
  const std::size_t last = model.config().layers - 1;
  std::vector<hook_point> order;
  std::vector<std::vector<float>> seen(2);
  const activations hidden =
      cached.forward(tokens.view(), {.hooks = {{last, hook_kind::resid_post}, {0, hook_kind::q}}, .final_hidden = true},
                     [&](std::size_t i, matrix_view<float> x) {
                       order.push_back(i == 0 ? hook_point{last, hook_kind::resid_post} : hook_point{0, hook_kind::q});
                       seen[i].assign(x.data(), x.data() + x.size());
                     });
  CHECK(order == std::vector<hook_point>{{0, hook_kind::q}, {last, hook_kind::resid_post}});
  for (std::size_t r = 0; r < tokens.rows(); ++r) {
    qfa_test::slow_cache slow(plain, plan);
    std::vector<float> expected;
    for (std::size_t done = 0; done < tokens.context;) {
      const std::size_t n = (std::min)(done == 0 ? std::size_t{4} : std::size_t{3}, tokens.context - done);
      const std::vector<float> part = slow.call(tokens.view().row(r).subspan(done, n));
      expected.insert(expected.end(), part.begin(), part.end());
      done += n;
    }
    CHECK(std::equal(expected.begin(), expected.end(),
                     hidden.values.begin() + static_cast<std::ptrdiff_t>(r * expected.size())));
  }
  // The first layer's queries come before any cache; what leaves the last does not.
  std::vector<float> q, post;
  model.forward(
      tokens.view(), {.hooks = {{0, hook_kind::q}, {last, hook_kind::resid_post}}},
      [&](std::size_t i, matrix_view<float> x) { (i == 0 ? q : post).assign(x.data(), x.data() + x.size()); });
  CHECK(seen[1] == q);
  CHECK(seen[0].size() == post.size());
  CHECK(seen[0] != post);

  cached.use_cache({});
  CHECK(cached.final_hidden(tokens.view()).values == model.final_hidden(tokens.view()).values);
}

TEST_CASE("cached_pass: in one call, what a visitor writes is what the model goes on with") {
  any_decoder model(load_model(models / "llama"));
  const token_rows tokens = read_tokens(models / "llama" / "tokens.npy", {});
  const auto run = [&] {
    return model
        .forward(tokens.view(), {.hooks = {{0, hook_kind::v}}, .final_hidden = true},
                 [](std::size_t, matrix_view<float> x) { std::fill(x.data(), x.data() + x.size(), 0.0f); })
        .values;
  };
  const std::vector<float> expected = run();
  struct keeping {
    cache_point point = cache_point::before_rope;
    void operator()(matrix_view<float>, matrix_view<float>, const cache_update&) const noexcept {}
  };
  model.use_cache(cache_plan(any_cache_policy(keeping{}, "keeping"), model.config().layers));
  CHECK(run() == expected);
  CHECK_THROWS_AS(model.use_cache(cache_plan(any_cache_policy(keeping{}, "keeping"), 1)), error);
}

}  // namespace model_cached_pass_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/cached_activations.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "contrast_prompts.hpp"
#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/alignment/direction.hpp"
#include "qfa/alignment/prompt_activations.hpp"
#include "qfa/model/load.hpp"

namespace alignment_cached_activations_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

std::vector<float> mean_at(matrix_view<const float> x, const token_span& at) {
  std::vector<float> out(x.columns());
  mean_of_rows(x.rows_between(at.first, at.last), out);
  return out;
}
std::vector<float> row_of(const activations& x, std::size_t row) {
  const auto r = x.view().row(row);
  return {r.begin(), r.end()};
}

/// A model's own keys and values of one text, layer by layer.
std::vector<layer_keys_values> own(const any_decoder& model, const std::vector<std::uint32_t>& text) {
  std::vector<layer_keys_values> out(model.config().layers);
  forward_options options;
  for (std::size_t l = 0; l < out.size(); ++l) {
    out[l].resize(text.size(), model.config().key_width());
    for (const hook_kind kind : {hook_kind::k, hook_kind::v, hook_kind::rot_k})
      options.hooks.push_back({l, kind});
  }
  model.forward(matrix_view<const std::uint32_t>(text.data(), 1, text.size()), options,
                [&](std::size_t i, matrix_view<float> x) {
                  layer_keys_values& at = out[options.hooks[i].layer];
                  activations& to = i % 3 == 0 ? at.keys : i % 3 == 1 ? at.values : at.turned_keys;
                  to.values.assign(x.data(), x.data() + x.size());
                });
  return out;
}

}  // namespace

TEST_CASE("cached_activations: each layer holds what its policy leaves of the model's own keys and values") {
  for (const std::string_view family : {"llama", "gpt_neox"}) {
    CAPTURE(family);
    const any_decoder model(load_model(models / family));
    const auto prompts = qfa_test::draw_prompts(9, 1, 80, 0, 80);
    const std::vector<std::uint32_t> response{3, 4, 5};
    for (const cache_plan& plan :
         {cache_plan(qfa_test::rounding_cache{cache_point::before_rope}, 3), cache_plan(qfa_test::rounding_cache{}, 3),
          cache_plan(qfa_test::waiting_cache{cache_point::before_rope}, 3),
          cache_plan(qfa_test::waiting_cache{.block = 3}, 3)})
      for (const text_position& position : {last_token(), last_token(2), response_token(), mean_of_last(3)}) {
        const auto held = cached_activations(model, plan, prompts, position, response);
        for (std::size_t p = 0; p < prompts.size(); ++p) {
          std::vector<std::uint32_t> text = prompts[p];
          text.insert(text.end(), response.begin(), response.end());
          const auto arrive = own(model, text);
          const token_span at = position.tokens_of(prompts[p].size(), response.size());
          // As a decoder fills it: the prompt, then token by token.
          kv_cache cache(model.config(), plan);
          std::size_t done = 0;
          for (const std::size_t n : {prompts[p].size(), std::size_t{1}, std::size_t{1}, std::size_t{1}}) {
            for (std::size_t l = 0; l < 3; ++l) {
              const activations& keys =
                  cache.point(l) == cache_point::before_rope ? arrive[l].keys : arrive[l].turned_keys;
              cache.append(l, keys.view().rows_between(done, done + n),
                           arrive[l].values.view().rows_between(done, done + n));
              cache.store(l);
            }
            cache.advance(n);
            done += n;
          }
          for (std::size_t l = 0; l < 3; ++l) {
            const bool before = cache.point(l) == cache_point::before_rope;
            CHECK(row_of(held[l].cached.at(before ? hook_kind::k : hook_kind::rot_k), p) == mean_at(cache.keys(l), at));
            CHECK(row_of(held[l].cached.values, p) == mean_at(cache.values(l), at));
            for (const hook_kind kind : {hook_kind::k, hook_kind::rot_k, hook_kind::v})
              CHECK(row_of(held[l].reference.at(kind), p) == mean_at(arrive[l].at(kind).view(), at));
          }
        }
      }
  }
}

TEST_CASE("cached_activations: the first layer's are those of a text that runs with the cache") {
  const any_decoder model(load_model(models / "llama"));
  const auto prompts = qfa_test::draw_prompts(6, 2, 80, 0, 80);
  const std::vector<std::uint32_t> response{3, 4};
  const cache_plan plan(qfa_test::waiting_cache{.block = 3}, 3);
  const auto held = cached_activations(model, plan, prompts, last_token(), response);
  std::size_t later_layers_differ = 0;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    std::vector<kv_cache> cache(1, kv_cache(model.config(), plan));
    forward_scratch scratch;
    const std::size_t n = prompts[p].size();
    model.extend({prompts[p].data(), 1, n}, cache, {.final_hidden = true}, no_visitor{}, scratch);
    for (const std::uint32_t token : response)
      model.extend({&token, 1, 1}, cache, {.final_hidden = true}, no_visitor{}, scratch);
    CHECK(row_of(held[0].cached.turned_keys, p) == mean_at(cache[0].keys(0), {n - 1, n}));
    CHECK(row_of(held[0].cached.values, p) == mean_at(cache[0].values(0), {n - 1, n}));
    // A response token's keys in later layers have seen what the cache made of the prompt's.
    const auto at_response = cached_activations(model, plan, prompts, response_token(1), response);
    later_layers_differ += row_of(at_response[2].cached.values, p) != mean_at(cache[0].values(2), {n + 1, n + 2});
  }
  CHECK(later_layers_differ > 0);
}

TEST_CASE("cached_activations: no policy makes no error, to the bit, at either side of RoPE") {
  const any_decoder model(load_model(models / "gpt_neox"));
  const auto prompts = qfa_test::draw_prompts(9, 3, 80, 0, 80);
  for (const cache_plan& plan : {cache_plan{}, cache_plan(qfa_test::planted_cache{}, 3),
                                 cache_plan(qfa_test::planted_cache{cache_point::after_rope}, 3)})
    for (const layer_in_cache& layer : cached_activations(model, plan, prompts, mean_of_last(2)))
      for (const hook_kind kind : {hook_kind::k, hook_kind::rot_k, hook_kind::v})
        CHECK(layer.cached.at(kind).values == layer.reference.at(kind).values);
}

TEST_CASE("cached_activations: at the other side of RoPE the error is turned to the token's position") {
  for (const std::string_view family : {"llama", "gpt_neox"}) {  // gpt_neox turns a quarter of a head only
    CAPTURE(family);
    const any_decoder model(load_model(models / family));
    const auto prompts = qfa_test::draw_prompts(9, 4, 80, 0, 80);
    const rope_table rope(model.config(), 64);
    for (const cache_point point : {cache_point::before_rope, cache_point::after_rope}) {
      const auto held =
          cached_activations(model, cache_plan(qfa_test::rounding_cache{point}, 3), prompts, last_token());
      for (std::size_t l = 0; l < 3; ++l) {
        CHECK(held[l].cached.keys.values != held[l].reference.keys.values);
        for (std::size_t p = 0; p < prompts.size(); ++p) {
          std::vector<float> turned = row_of(held[l].cached.keys, p);
          const std::size_t past = prompts[p].size() - 1;
          rope(matrix_view<float>(turned.data(), 1, turned.size()), token_places{.past = std::span(&past, 1)});
          for (std::size_t c = 0; c < turned.size(); ++c)
            CHECK(std::fabs(turned[c] - held[l].cached.turned_keys.view()(p, c)) < 1e-5f);
        }
      }
    }
  }
}

TEST_CASE("turn_error: back is the inverse, and a turn keeps its length") {
  const model_config config = any_decoder(load_model(models / "gpt_neox")).config();
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> error(config.key_width());
  for (double& x : error)
    x = normal(random);
  std::vector<double> turned = error;
  turn_error(turned, 7, config, false);
  CHECK(std::fabs(turned[0] - error[0]) > 1e-3);
  CHECK(std::fabs(inner_product(std::span<const double>(turned), std::span<const double>(turned)) -
                  inner_product(std::span<const double>(error), std::span<const double>(error))) < 1e-10);
  turn_error(turned, 7, config, true);
  for (std::size_t c = 0; c < error.size(); ++c)
    CHECK(std::fabs(turned[c] - error[c]) < 1e-14);
}

TEST_CASE("cached_activations: layers have policies of their own, and threads and other prompts change nothing") {
  const any_decoder model(load_model(models / "llama"));
  auto prompts = qfa_test::draw_prompts(40, 6, 80, 0, 80);
  const std::vector<std::uint32_t> response{3};
  const cache_plan plan({any_cache_policy(), any_cache_policy(qfa_test::waiting_cache{.block = 2}),
                         any_cache_policy(qfa_test::rounding_cache{cache_point::before_rope})},
                        "mixed");
  const auto all = cached_activations(model, plan, prompts, last_token(), response);
  CHECK(all[0].cached.values.values == all[0].reference.values.values);
  CHECK(all[1].cached.values.values != all[1].reference.values.values);
  CHECK(all[2].cached.keys.values != all[2].reference.keys.values);
  qfa_test::for_each_thread_count([&] {
    const auto again = cached_activations(model, plan, prompts, last_token(), response);
    for (std::size_t l = 0; l < 3; ++l)
      for (const hook_kind kind : {hook_kind::k, hook_kind::rot_k, hook_kind::v})
        CHECK(again[l].cached.at(kind).values == all[l].cached.at(kind).values);
  });
  const auto one = cached_activations(model, plan, std::span(prompts).subspan(31, 1), last_token(), response);
  CHECK(one[2].cached.turned_keys.values == row_of(all[2].cached.turned_keys, 31));
  // A cache that the model uses is not what is measured.
  any_decoder busy = model;
  busy.use_cache(cache_plan(qfa_test::rounding_cache{}, 3));
  CHECK(cached_activations(busy, plan, prompts, last_token(), response)[2].reference.values.values ==
        all[2].reference.values.values);
}

TEST_CASE("cached_activations: other models' plans and hooks that no cache holds are refused") {
  const any_decoder model(load_model(models / "llama"));
  const qfa_test::token_lists prompts{{1, 2}};
  CHECK_THROWS_AS(cached_activations(model, cache_plan(qfa_test::rounding_cache{}, 4), prompts, last_token()), error);
  CHECK_THROWS_AS(cached_activations(model, {}, prompts, response_token()), error);
  const auto held = cached_activations(model, {}, prompts, last_token());
  CHECK_THROWS_WITH(held[0].reference.at(hook_kind::z), "caches hold keys and values: hook k, rot_k or v");
}

}  // namespace alignment_cached_activations_test

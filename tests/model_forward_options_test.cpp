// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/forward_options.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/cache/plan.hpp"
#include "qfa/core/error.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"

namespace model_forward_options_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

using numbers = std::vector<float>;

/// What passes at those hooks, and the final hidden states behind them.
std::vector<numbers> pass(const any_decoder& model, const token_rows& tokens, const forward_options& options) {
  std::vector<numbers> out;
  const activations hidden = model.forward(tokens.view(), options, [&](std::size_t, matrix_view<float> x) {
    out.emplace_back(x.data(), x.data() + x.size());
  });
  out.push_back(hidden.values);
  return out;
}

/// The hooks of the layers from `layer` on.
std::vector<hook_point> hooks_from(const model_config& config, std::size_t layer) {
  std::vector<hook_point> hooks = hooks_of(config);
  std::erase_if(hooks, [&](const hook_point& hook) { return hook.layer < layer; });
  return hooks;
}

pass_start start(const any_decoder& model, std::size_t layer, const numbers& residual) {
  return {layer, {residual.data(), residual.size() / model.config().hidden, model.config().hidden}};
}

}  // namespace

TEST_CASE("forward_options: a pass that goes on at any layer has the bits of the whole pass, in every family") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const any_decoder model(load_model(models / family));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const auto hooks = hooks_of(model.config());
    const auto whole = pass(model, tokens, {.hooks = hooks, .final_hidden = true});
    for (std::size_t l = 0; l <= model.config().layers; ++l) {
      CAPTURE(l);
      const auto rest = hooks_from(model.config(), l);
      const std::size_t first = hooks.size() - rest.size();
      // What a layer's resid_pre shows is what resid_post of the layer before it showed, and the last layer's end.
      const numbers& residual = l < model.config().layers ? whole[first] : whole[first - 1];
      const std::vector<numbers> expected(whole.begin() + static_cast<std::ptrdiff_t>(first), whole.end());
      CHECK(
          (pass(model, tokens, {.hooks = rest, .final_hidden = true, .from = start(model, l, residual)}) == expected));
      CHECK((pass(model, tokens, {.final_hidden = true, .from = start(model, l, residual)}).back() == whole.back()));
    }
  }
}

TEST_CASE("forward_options: the residual is read, whoever it comes from, for every number of threads") {
  const any_decoder model(load_model(models / "llama"));
  const token_rows tokens = read_tokens(models / "llama" / "tokens.npy", {});
  const hook_point middle{1, hook_kind::resid_pre};
  numbers residual;
  // What a visitor writes is what the model goes on with: the same residual given from outside must do the same.
  const auto edited = [&] {
    return model.forward(tokens.view(), {.hooks = {middle}, .final_hidden = true},
                         [&](std::size_t, matrix_view<float> x) {
                           x(1, 3) += 0.5f;
                           residual.assign(x.data(), x.data() + x.size());
                         });
  };
  const activations expected = edited();
  const activations untouched = model.final_hidden(tokens.view());
  CHECK(expected.values != untouched.values);
  qfa_test::for_each_thread_count([&] {
    const forward_options options{.hooks = {middle}, .final_hidden = true, .from = start(model, 1, residual)};
    CHECK((pass(model, tokens, options) == std::vector<numbers>{residual, expected.values}));
  });
}

TEST_CASE("forward_options: inputs are visited, and may be changed, from the layer on where the pass goes on") {
  any_decoder model(load_model(models / "gemma2"));
  const token_rows tokens = read_tokens(models / "gemma2" / "tokens.npy", {});
  std::vector<linear_input> seen;
  model.visit_inputs([&](const linear_input& input, matrix_view<float> x, std::size_t) {
    seen.push_back(input);
    if (input.layer == 1) x(2, 0) += 1.0f;
  });
  const std::vector<hook_point> second{{1, hook_kind::resid_pre}};
  const auto whole = pass(model, tokens, {.hooks = second, .final_hidden = true});
  const std::vector<linear_input> all = std::exchange(seen, {});
  const auto rest = pass(model, tokens, {.final_hidden = true, .from = start(model, 1, whole[0])});
  CHECK(rest.back() == whole.back());
  CHECK(all.size() == 4 * model.config().layers);
  CHECK((seen == std::vector<linear_input>(all.begin() + 4, all.end())));
}

TEST_CASE("forward_options: what does not fit is refused by one sentence") {
  const any_decoder model(load_model(models / "llama"));
  const token_rows tokens = read_tokens(models / "llama" / "tokens.npy", {});
  const std::size_t width = model.config().hidden;
  const numbers residual(tokens.ids.size() * width);
  const auto refused = [&](const forward_options& options, const std::string& part) {
    CAPTURE(part);
    try {
      model.forward(tokens.view(), options, no_visitor{});
      FAIL("nothing was refused");
    } catch (const error& e) {
      CHECK_MESSAGE(std::string(e.what()).find(part) != std::string::npos, e.what());
    }
  };
  const auto from = [&](std::size_t layer, std::size_t rows, std::size_t columns) {
    return pass_start{layer, {residual.data(), rows, columns}};
  };
  const std::size_t count = tokens.ids.size(), layers = model.config().layers;
  refused({.final_hidden = true, .from = from(layers + 1, count, width)}, "layer 4 of a model of 3 layers");
  refused({.final_hidden = true, .from = from(1, count - 1, width)}, "expected " + std::to_string(count) + " x ");
  refused({.final_hidden = true, .from = from(1, count, width / 2)}, "one residual for each token");
  refused({.hooks = {{1, hook_kind::q}}, .from = from(2, count, width)}, "blocks.1.attn.hook_q lies before layer 2");
  refused({.hooks = {{layers, hook_kind::q}}}, "has no hook");

  any_decoder cached = model;
  cached.use_cache(cache_plan(qfa_test::rounding_cache{}, layers));
  CHECK_THROWS_WITH(cached.forward(tokens.view(), {.final_hidden = true, .from = from(1, count, width)}, no_visitor{}),
                    doctest::Contains("a pass with caches begins at the embedding"));
}

}  // namespace model_forward_options_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/any_decoder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "decoder_numbers.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "scratch.hpp"

namespace model_any_decoder_test {

using namespace qfa;
using namespace qfa_test;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

token_rows tokens_of(std::string_view family) { return read_tokens(models / family / "tokens.npy", {}); }

/// The model with two tensors changed, the unembedding one of them.
language_model changed(const language_model& model) {
  language_model out = model;
  for (const char* name : {"model.layers.1.mlp.up_proj.weight", "lm_head.weight"}) {
    std::vector<float> values(*model.at(name).values);
    for (float& x : values)
      x *= 0.75f;
    out.tensors[name] = share(model.at(name).shape, std::move(values));
  }
  return out;
}

}  // namespace

TEST_CASE("any_decoder: without dispatch it is the decoder of the compiler's widest set") {
  const language_model model = load_model(models / "llama");
  const any_decoder any(model);
  CHECK(any.runs_on() == simd::instruction_set{simd::best_arch::name(), simd::has_fma<simd::best_arch>});
  CHECK(any.config().layers == model.config.layers);
  const token_rows tokens = tokens_of("llama");
  const language_model other = changed(model);
  const auto expected = decoder_numbers(decoder<>(model), decoder<>(other), tokens.view());
  CHECK(decoder_numbers(any, any_decoder(other, any), tokens.view()) == expected);
  CHECK(decoder_numbers(any, any, tokens.view()) != expected);
}

TEST_CASE("any_decoder: panels of tensors that a compression leaves alone are shared, with copies all of them") {
  const language_model model = load_model(models / "llama");
  const any_decoder any(model);
  const any_decoder other(changed(model), any);
  CHECK(other.shared_panels(any) == 3 * 7 + 1 - 2);
  CHECK(any_decoder(changed(model)).shared_panels(any) == 0);
  const any_decoder copy = any;
  CHECK(copy.shared_panels(any) == 3 * 7 + 1);
}

TEST_CASE("any_decoder: a copy visits inputs as the original did, and goes its own way from there") {
  const language_model model = load_model(models / "llama");
  const token_rows tokens = tokens_of("llama");
  any_decoder first(model);
  std::size_t seen = 0;
  first.visit_inputs([&](const linear_input&, matrix_view<float> x, std::size_t) {
    ++seen;
    x(0, 0) += 1.0f;
  });
  any_decoder copy = first;
  const auto visited = first.final_hidden(tokens.view()).values;
  CHECK(seen == 4 * model.config.layers);
  CHECK(copy.final_hidden(tokens.view()).values == visited);
  CHECK(seen == 8 * model.config.layers);
  copy.visit_inputs({});
  const auto plain = copy.final_hidden(tokens.view()).values;
  CHECK(plain != visited);
  CHECK(plain == decoder<>(model).final_hidden(tokens.view()).values);
  first = copy;
  CHECK(first.final_hidden(tokens.view()).values == plain);
  CHECK(seen == 8 * model.config.layers);
}

TEST_CASE("any_decoder: what a visitor writes is what the model goes on with, and what it throws arrives") {
  const language_model model = load_model(models / "llama");
  const token_rows tokens = tokens_of("llama");
  const forward_options options{.hooks = {{1, hook_kind::resid_post}}, .final_hidden = true};
  const auto zero = [](std::size_t, matrix_view<float> x) {
    for (std::size_t t = 0; t < x.rows(); ++t)
      std::ranges::fill(x.row(t), 0.0f);
  };
  forward_scratch scratch;
  CHECK(any_decoder(model).forward(tokens.view(), options, zero, scratch).values ==
        decoder<>(model).forward(tokens.view(), options, zero).values);
  check_refused(
      [&] {
        any_decoder(model).forward(tokens.view(), options,
                                   [](std::size_t, matrix_view<float>) { fail("enough of it"); });
      },
      {"enough of it"});
}

TEST_CASE("any_decoder: decoders on different instruction sets share nothing and are not compared") {
  using face = detail::decoder_on<simd::best_arch>;
  const language_model model = load_model(models / "llama");
  const token_rows tokens = tokens_of("llama");
  const simd::instruction_set one{"one", simd::has_fma<simd::best_arch>}, two{"two", one.fma};
  auto first = std::make_unique<face>(model, nullptr, one);
  auto second = std::make_unique<face>(model, first.get(), two);
  auto third = std::make_unique<face>(model, first.get(), one);
  const any_decoder a(std::move(first)), b(std::move(second)), c(std::move(third));
  const activations hidden = a.final_hidden(tokens.view());
  std::vector<token_comparison> out(tokens.rows() * (tokens.context - 1));
  const auto compare = [&](const any_decoder& other) {
    compare_tokens(a, hidden.view(), other, hidden.view(), tokens.view(), std::span(out));
  };
  check_refused([&] { compare(b); }, {"one instruction set"});
  compare(c);
  CHECK(out[0].kl == 0.0);
  CHECK(a.shared_panels(b) == 0);
  CHECK(a.shared_panels(c) == 3 * 7 + 1);
  CHECK(any_decoder(model, a).final_hidden(tokens.view()).values == hidden.values);
}

}  // namespace model_any_decoder_test

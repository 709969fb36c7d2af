// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/processing.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "qfa/model/decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/model/tokens.hpp"
#include "scratch.hpp"

namespace model_processing_test {

using namespace qfa;
using qfa_test::check_refused;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

std::vector<hook_point> residuals(const model_config& config) {
  std::vector<hook_point> out;
  for (std::size_t l = 0; l < config.layers; ++l)
    out.push_back({l, hook_kind::resid_post});
  return out;
}

struct run_of {
  std::vector<activations> residual;
  activations logits;
  std::vector<double> nll;
};

run_of run(const language_model& weights) {
  const decoder<> model(weights);
  const token_rows tokens = read_tokens(models / name_of(weights.config.family) / "tokens.npy", {});
  run_of out;
  forward_options options{.hooks = residuals(weights.config), .final_hidden = true};
  const activations hidden = model.forward(tokens.view(), options, [&](std::size_t, matrix_view<float> values) {
    activations& copy = out.residual.emplace_back();
    copy.resize(values.rows(), values.columns());
    std::copy_n(values.data(), values.size(), copy.values.begin());
  });
  out.logits.resize(hidden.tokens, weights.config.vocabulary);
  model.unembed(hidden.view(), out.logits.view());
  out.nll.resize(tokens.rows() * (tokens.context - 1));
  score_tokens(model, hidden.view(), tokens.view(), out.nll);
  return out;
}

double largest_gap(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double gap = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    gap = std::max(gap, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return gap;
}

/// The largest gap, in units of b's largest element: at least 1.
double relative_gap(std::span<const float> a, std::span<const float> b) {
  double largest = 1.0;
  for (float x : b)
    largest = std::max(largest, static_cast<double>(std::fabs(x)));
  return largest_gap(a, b) / largest;
}

double mean_of(std::span<const float> xs) {
  double sum = 0.0;
  for (float x : xs)
    sum += static_cast<double>(x);
  return sum / static_cast<double>(xs.size());
}

/// Every norm's parameters away from 1 and 0, and every bias away from 0, so that folding has something to do.
language_model stirred(language_model model) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> spread(-0.4f, 0.4f);
  for (auto& [name, tensor] : model.tensors) {
    if (tensor.shape.size() != 1) continue;
    auto values = *tensor.values;
    for (float& x : values)
      x += spread(random);
    tensor = share(tensor.shape, std::move(values));
  }
  return model;
}

std::vector<processing> every_part() {
  return {{.fold_ln = true},
          {.center_writing_weights = true},
          {.fold_value_biases = true},
          transformer_lens_processing,
          {.fold_ln = true, .center_writing_weights = true}};
}

}  // namespace

TEST_CASE("processing: the text says which parts, both ways") {
  CHECK(parse_processing("none") == processing{});
  CHECK(parse_processing("tl") == transformer_lens_processing);
  CHECK(describe(processing{}) == "none");
  CHECK(describe(transformer_lens_processing) == "tl");
  for (unsigned bits = 0; bits < 16; ++bits) {
    const processing parts{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    CHECK(parse_processing(describe(parts)) == parts);
  }
  CHECK(parse_processing("fold_ln+center_unembed") == processing{.fold_ln = true, .center_unembed = true});
  for (const char* wrong : {"", "TL", "fold_ln+", "+fold_ln", "fold", "tl+fold_ln", "fold_ln,center_unembed"}) {
    CAPTURE(wrong);
    check_refused([&] { parse_processing(wrong); }, {"is not known, expected one of none, tl, fold_ln"});
  }
}

TEST_CASE("processing: no part changes the logits, save that centering the unembedding moves them by a constant") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = stirred(load_model(models / family));
    const run_of before = run(model);
    for (processing parts : every_part()) {
      CAPTURE(describe(parts));
      parts.center_unembed = false;
      const run_of after = run(process(model, parts));
      CHECK(relative_gap(after.logits.values, before.logits.values) < 1e-5);
    }
    const run_of moved = run(process(model, transformer_lens_processing));
    for (std::size_t i = 0; i < moved.nll.size(); ++i)
      CHECK(std::fabs(moved.nll[i] - before.nll[i]) < 2e-5);
    activations expected = before.logits;
    for (std::size_t t = 0; t < moved.logits.tokens; ++t) {
      const auto row = expected.view().row(t);
      if (model.config.logit_softcap > 0.0) continue;
      CHECK(std::fabs(mean_of(moved.logits.view().row(t))) < 1e-5);
      const double mean = mean_of(row);
      for (float& x : row)
        x = static_cast<float>(static_cast<double>(x) - mean);
    }
    CHECK(relative_gap(moved.logits.values, expected.values) < 1e-5);
  }
}

TEST_CASE("processing: centered, the residual stream of a LayerNorm model loses its mean and nothing else") {
  const language_model model = stirred(load_model(models / "gpt_neox"));
  const run_of before = run(model);
  for (const processing& parts : {transformer_lens_processing, processing{.center_writing_weights = true}}) {
    const run_of after = run(process(model, parts));
    for (std::size_t l = 0; l < before.residual.size(); ++l) {
      activations expected = before.residual[l];
      for (std::size_t t = 0; t < expected.tokens; ++t) {
        const double mean = mean_of(expected.view().row(t));
        CHECK(std::fabs(mean) > 1e-4);
        for (float& x : expected.view().row(t))
          x = static_cast<float>(static_cast<double>(x) - mean);
      }
      CHECK(largest_gap(after.residual[l].values, expected.values) < 1e-5);
    }
  }
}

TEST_CASE("processing: an RMS model is folded, never centered") {
  for (const std::string_view family : {"gemma2", "llama", "mistral", "qwen2", "phi3"}) {
    CAPTURE(family);
    const language_model model = stirred(load_model(models / family));
    CHECK_FALSE(applicable(transformer_lens_processing, model.config).center_writing_weights);
    const run_of before = run(model);
    const run_of after = run(process(model, transformer_lens_processing));
    for (std::size_t l = 0; l < before.residual.size(); ++l)
      CHECK(relative_gap(after.residual[l].values, before.residual[l].values) < 1e-5);
    const language_model centered = process(model, {.center_writing_weights = true});
    for (const auto& [name, tensor] : model.tensors)
      CHECK(centered.at(name).values == tensor.values);
  }
}

TEST_CASE("processing: folded norms have no effect of their own, and Gemma-2's post-norms keep theirs") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model model = stirred(load_model(models / family));
    const language_model folded = process(model, {.fold_ln = true});
    const model_layout layout = layout_of(folded.config);
    const float neutral = folded.config.norm_adds_one ? 0.0f : 1.0f;
    const auto check_neutral = [&](const std::string& norm) {
      CHECK(*folded.at(norm + ".weight").values == std::vector<float>(folded.config.hidden, neutral));
      if (folded.config.norm == norm_kind::layer)
        CHECK(*folded.at(norm + ".bias").values == std::vector<float>(folded.config.hidden, 0.0f));
    };
    check_neutral(layout.final_norm);
    for (const layer_layout& layer : layout.layers) {
      check_neutral(layer.attention_norm);
      check_neutral(layer.mlp_norm);
      for (const std::string& norm : {layer.attention_post_norm, layer.mlp_post_norm}) {
        if (norm.empty()) continue;
        CHECK(folded.at(norm + ".weight").values == model.at(norm + ".weight").values);
      }
      CHECK(folded.at(layer.down.weight).values == model.at(layer.down.weight).values);
    }
    CHECK_FALSE(folded.config.tied);
    CHECK(folded.at(layout.embedding).values == model.at(layout.embedding).values);
  }
}

TEST_CASE("processing: behind LayerNorm, folded matrices have no mean over what they read") {
  const language_model folded = process(stirred(load_model(models / "gpt_neox")), transformer_lens_processing);
  const model_layout layout = layout_of(folded.config);
  for (const weight_slice* slice :
       {&layout.layers[1].query, &layout.layers[1].key, &layout.layers[1].value, &layout.layers[1].up}) {
    const auto w = slice->of(folded.at(slice->weight).data());
    for (std::size_t r = 0; r < w.rows(); ++r)
      CHECK(std::fabs(mean_of(w.row(r))) < 1e-7);
  }
}

TEST_CASE("processing: value biases end up in the output bias, by the heads that share them") {
  for (const std::string_view family : {"gpt_neox", "qwen2"}) {
    CAPTURE(family);
    const language_model model = stirred(load_model(models / family));
    const language_model folded = process(model, {.fold_value_biases = true});
    const layer_layout layer = layout_of(model.config).layers[0];
    const auto& bias = *folded.at(layer.value.bias).values;
    for (std::size_t r = 0; r < layer.value.rows; ++r)
      CHECK(bias[layer.value.bias_index(r)] == 0.0f);
    const std::size_t first = layer.query.bias_index(0);
    CHECK((*folded.at(layer.query.bias).values)[first] == (*model.at(layer.query.bias).values)[first]);
    CHECK(folded.contains(layer.attention_out.bias));
    CHECK(folded.at(layer.attention_out.weight).values == model.at(layer.attention_out.weight).values);
  }
}

TEST_CASE("processing: a softcapped unembedding is not centered, and none of the parts changes nothing") {
  const language_model gemma = load_model(models / "gemma2");
  CHECK_FALSE(applicable(transformer_lens_processing, gemma.config).center_unembed);
  const language_model same = process(gemma, {.center_unembed = true});
  CHECK(same.config == gemma.config);
  for (const auto& [name, tensor] : gemma.tensors)
    CHECK(same.at(name).values == tensor.values);
  const language_model none = process(gemma, {});
  for (const auto& [name, tensor] : gemma.tensors)
    CHECK(none.at(name).values == tensor.values);
}

TEST_CASE("processed_config: a tied unembedding comes apart where process takes it apart") {
  const language_model model = load_model(models / "qwen2");
  REQUIRE(model.config.tied);
  for (const char* parts : {"none", "fold_ln", "center_unembed", "fold_value_biases", "tl"}) {
    CAPTURE(parts);
    const processing asked = parse_processing(parts);
    CHECK(processed_config(asked, model.config) == process(model, asked).config);
  }
  CHECK(processed_config(processing{}, model.config).tied);
  CHECK_FALSE(processed_config(transformer_lens_processing, model.config).tied);
}

TEST_CASE("keeping_inputs: what linear layers read stays, and of hooks only v and z are not where full processing is") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model stored = stirred(load_model(models / family));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const auto watch = [&](const language_model& weights, bool inputs) {
      std::vector<std::vector<float>> out;
      decoder<> model(weights);
      const auto keep = [&](matrix_view<float> x) { out.emplace_back(x.data(), x.data() + x.size()); };
      if (inputs) {
        model.visit_inputs([&](const linear_input&, matrix_view<float> x, std::size_t) { keep(x); });
        model.final_hidden(tokens.view());
      } else {
        model.forward(tokens.view(), {.hooks = hooks_of(weights.config)},
                      [&](std::size_t, matrix_view<float> x) { keep(x); });
      }
      return out;
    };
    const language_model part = process(stored, keeping_inputs(transformer_lens_processing));
    const auto read_before = watch(stored, true), read_after = watch(part, true);
    for (std::size_t i = 0; i < read_before.size(); ++i)
      CHECK(relative_gap(read_after[i], read_before[i]) < 1e-4);
    const auto hooks = hooks_of(stored.config);
    const auto full = watch(process(stored, transformer_lens_processing), false), kept = watch(part, false);
    for (std::size_t i = 0; i < hooks.size(); ++i) {
      CAPTURE(name_of(hooks[i]));
      if (hooks[i].kind != hook_kind::v && hooks[i].kind != hook_kind::z) CHECK(relative_gap(kept[i], full[i]) < 1e-4);
    }
  }
}

}  // namespace model_processing_test

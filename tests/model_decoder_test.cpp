// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/decoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include "model_threads.hpp"
#include "qfa/io/safetensors.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"
#include "scratch.hpp"
#include "slow_llama.hpp"

namespace model_decoder_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

token_rows tokens_of(std::string_view family) { return read_tokens(models / family / "tokens.npy", {}); }

/// |a - b|_F / |b|_F.
double relative_error(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double difference = 0.0, norm = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

}  // namespace

TEST_CASE("decoder: every family agrees with an independent float64 run at every hook it recorded") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const safetensors expected(models / family / "expected.safetensors");
    forward_options options{.final_hidden = true};
    std::vector<std::string> names;
    for (const hook_point& hook : hooks_of(model.config()))
      if (expected.contains(name_of(hook))) {
        options.hooks.push_back(hook);
        names.push_back(name_of(hook));
      }
    CHECK(names.size() == 4 * model.config().layers);
    double worst = 0.0;
    std::size_t visits = 0;
    const activations hidden = model.forward(tokens.view(), options, [&](std::size_t i, matrix_view<float> values) {
      CAPTURE(names[i]);
      const double error = relative_error({values.data(), values.size()}, read_floats(expected.at(names[i])));
      CHECK(error < 1e-5);
      worst = std::max(worst, error);
      ++visits;
    });
    CHECK(visits == names.size());
    activations logits;
    logits.resize(hidden.tokens, model.config().vocabulary);
    model.unembed(hidden.view(), logits.view());
    const double error = relative_error(logits.values, read_floats(expected.at("logits")));
    CHECK(error < 1e-5);
    worst = std::max(worst, error);
    // A float32 pass agrees to about 1e-6; what is systematically wrong shows far above.
    CHECK(worst < 2e-6);
  }
}

namespace {

/// What passes at every hook of a model, and the logits.
template <class Arch>
std::vector<std::vector<float>> everything(const decoder<Arch>& model, matrix_view<const std::uint32_t> tokens) {
  std::vector<std::vector<float>> out;
  forward_options options{.hooks = hooks_of(model.config()), .final_hidden = true};
  const activations hidden = model.forward(tokens, options, [&](std::size_t i, matrix_view<float> values) {
    CHECK(i == out.size());  // hooks come in the order of computation
    CHECK(values.columns() == hook_width(model.config(), options.hooks[i]));
    CHECK(values.rows() == tokens.size());
    out.emplace_back(values.data(), values.data() + values.size());
  });
  CHECK(out.size() == options.hooks.size());
  activations logits;
  logits.resize(hidden.tokens, model.config().vocabulary);
  model.unembed(hidden.view(), logits.view());
  out.push_back(logits.values);
  return out;
}

}  // namespace

TEST_CASE("decoder: the same bits at every hook for every number of threads, and for a text alone or among others") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const auto together = everything(model, tokens.view());
    qfa_test::for_each_thread_count([&] { CHECK((everything(model, tokens.view()) == together)); });
    for (std::size_t r = 0; r < tokens.rows(); ++r) {
      const auto alone = everything(model, tokens.view().rows_between(r, r + 1));
      for (std::size_t i = 0; i < alone.size(); ++i)
        CHECK(std::equal(alone[i].begin(), alone[i].end(),
                         together[i].begin() + static_cast<std::ptrdiff_t>(r * alone[i].size())));
    }
  }
}

#ifdef __AVX512F__
TEST_CASE("decoder: the same bits on AVX2 and on AVX-512") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const language_model weights = load_model(models / family);
    const token_rows tokens = tokens_of(family);
    CHECK((everything(decoder<xsimd::fma3<xsimd::avx2>>(weights), tokens.view()) ==
           everything(decoder<>(weights), tokens.view())));
  }
}
#endif

TEST_CASE("decoder: later tokens change nothing before them") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    token_rows tokens = tokens_of(family);
    const auto before = everything(model, tokens.view().rows_between(0, 1));
    const std::size_t from = 13;
    for (std::size_t t = from; t < tokens.context; ++t)
      tokens.ids[t] = (tokens.ids[t] + 1) % 50;
    const auto after = everything(model, tokens.view().rows_between(0, 1));
    for (std::size_t i = 0; i < before.size(); ++i) {
      const std::size_t width = before[i].size() / tokens.context;
      const auto cut = static_cast<std::ptrdiff_t>(from * width);
      CHECK(std::equal(before[i].begin(), before[i].begin() + cut, after[i].begin()));
      CHECK_FALSE(std::equal(before[i].begin() + cut, before[i].end(), after[i].begin() + cut));
    }
  }
}

TEST_CASE("decoder: hooks keep what TransformerLens says of them") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const auto hooks = hooks_of(model.config());
    const auto values = everything(model, tokens.view());
    const auto at = [&](std::size_t layer, hook_kind kind) -> const std::vector<float>& {
      const auto place = std::find(hooks.begin(), hooks.end(), hook_point{layer, kind});
      REQUIRE(place != hooks.end());
      return values[static_cast<std::size_t>(place - hooks.begin())];
    };
    for (std::size_t l = 0; l < model.config().layers; ++l) {
      if (l > 0) CHECK(at(l, hook_kind::resid_pre) == at(l - 1, hook_kind::resid_post));
      const auto& pre = at(l, hook_kind::resid_pre);
      const auto& attention = at(l, hook_kind::attn_out);
      const auto& mlp = at(l, hook_kind::mlp_out);
      std::vector<float> post(pre.size());
      for (std::size_t i = 0; i < pre.size(); ++i)
        post[i] = pre[i] + attention[i];
      if (!model.config().parallel_residual) CHECK(at(l, hook_kind::resid_mid) == post);
      for (std::size_t i = 0; i < pre.size(); ++i)
        post[i] += mlp[i];
      CHECK(at(l, hook_kind::resid_post) == post);
      CHECK((at(l, hook_kind::attn_raw_out) == attention) == !model.config().post_norms);
      CHECK((at(l, hook_kind::mlp_raw_out) == mlp) == !model.config().post_norms);
      CHECK(at(l, hook_kind::rot_k) != at(l, hook_kind::k));
    }
  }
}

TEST_CASE("decoder: a pass ends with its last hook, and shows each that is asked for, however often") {
  const decoder<> model(load_model(models / "llama"));
  const token_rows tokens = tokens_of("llama");
  std::vector<std::size_t> seen;
  const auto visit = [&](std::size_t i, matrix_view<float>) { seen.push_back(i); };
  CHECK(
      model.forward(tokens.view(), {.hooks = {{1, hook_kind::z}, {0, hook_kind::resid_post}, {1, hook_kind::z}}}, visit)
          .values.empty());
  CHECK(seen == std::vector<std::size_t>{1, 0, 2});
  CHECK(model.forward(tokens.view(), {}, visit).tokens == 0);
  CHECK(seen.size() == 3);
  CHECK(model.final_hidden(tokens.view()).tokens == tokens.ids.size());
  CHECK(model.final_hidden(tokens.view().rows_between(0, 0)).tokens == 0);
}

TEST_CASE("decoder: what a visitor writes is what the model goes on with") {
  const decoder<> model(load_model(models / "gemma2"));
  const token_rows tokens = tokens_of("gemma2");
  const auto before = everything(model, tokens.view());
  // Putting the second block's output in place of the third's skips the third.
  std::vector<float> kept;
  const auto skip = [&](std::size_t i, matrix_view<float> values) {
    if (i == 0)
      kept.assign(values.data(), values.data() + values.size());
    else
      std::copy(kept.begin(), kept.end(), values.data());
  };
  std::vector<float> seen;
  const hook_point from{1, hook_kind::resid_post}, to{2, hook_kind::resid_post}, next{3, hook_kind::resid_pre};
  model.forward(tokens.view(), {.hooks = {from, to, next}}, [&](std::size_t i, matrix_view<float> values) {
    if (i < 2)
      skip(i, values);
    else
      seen.assign(values.data(), values.data() + values.size());
  });
  CHECK(seen == kept);
  CHECK(before[0] != seen);
}

TEST_CASE("decoder: the final hidden states have the same bits whoever looks") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const std::vector<float> plain = model.final_hidden(tokens.view()).values;
    for (std::size_t k = 0; k < hook_kind_names.size(); ++k) {
      const hook_point hook{1, static_cast<hook_kind>(k)};
      if (!exists(model.config(), hook)) continue;
      CAPTURE(name_of(hook));
      std::vector<float> alone;
      const auto keep = [&](std::size_t, matrix_view<float> x) { alone.assign(x.data(), x.data() + x.size()); };
      const auto hidden = model.forward(tokens.view(), {.hooks = {hook}, .final_hidden = true}, keep);
      CHECK(hidden.values == plain);
      std::vector<float> among;
      model.forward(tokens.view(), {.hooks = hooks_of(model.config())}, [&](std::size_t i, matrix_view<float> x) {
        if (hooks_of(model.config())[i] == hook) among.assign(x.data(), x.data() + x.size());
      });
      CHECK(alone == among);
    }
  }
}

TEST_CASE("decoder: logits of a part of the vocabulary are those of the whole") {
  for (const std::string_view family : {"gemma2", "gpt_neox"}) {  // Gemma-2 caps them
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const activations all = model.logits(tokens.view());
    const activations hidden = model.final_hidden(tokens.view());
    const simd::packed_rows<> packed(hidden.view());
    constexpr std::size_t first = simd::packed_matrix<>::panel_width;
    std::vector<float> part(all.tokens * (first + 3));
    model.unembed(packed, first, {part.data(), all.tokens, first + 3});
    for (std::size_t t = 0; t < all.tokens; ++t)
      CHECK(std::equal(part.begin() + static_cast<std::ptrdiff_t>(t * (first + 3)),
                       part.begin() + static_cast<std::ptrdiff_t>((t + 1) * (first + 3)),
                       all.view().row(t).begin() + first));
  }
}

TEST_CASE("decoder: a scratch may meet blocks of any size, and other models") {
  const decoder<> llama(load_model(models / "llama"));
  const decoder<> neox(load_model(models / "gpt_neox"));
  const token_rows a = tokens_of("llama");
  const token_rows b = tokens_of("gpt_neox");
  const forward_options options{.final_hidden = true};
  forward_scratch scratch;
  const auto run = [&](const decoder<>& model, matrix_view<const std::uint32_t> tokens) {
    return model.forward(tokens, options, no_visitor{}, scratch).values;
  };
  CHECK(run(llama, a.view()) == llama.final_hidden(a.view()).values);
  CHECK(run(neox, b.view().rows_between(1, 2)) == neox.final_hidden(b.view().rows_between(1, 2)).values);
  CHECK(run(llama, a.view()) == llama.final_hidden(a.view()).values);
}

TEST_CASE("decoder: logits of portions are the logits of the whole") {
  for (const std::string_view family : {"gemma2", "gpt_neox"}) {
    const decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const activations all = model.logits(tokens.view());
    const activations hidden = model.final_hidden(tokens.view());
    for (std::size_t first = 0; first < hidden.tokens; first += 7) {
      const std::size_t last = std::min(hidden.tokens, first + 7);
      std::vector<float> part((last - first) * all.width);
      model.unembed(hidden.view().rows_between(first, last), {part.data(), last - first, all.width});
      CHECK(std::equal(part.begin(), part.end(), all.view().row(first).begin()));
    }
  }
}

TEST_CASE("decoder: panels of tensors that a compression leaves alone are shared") {
  const language_model weights = load_model(models / "llama");
  const decoder<> model(weights);
  language_model changed = weights;
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  changed.tensors[name] = share(weights.at(name).shape, std::vector<float>(*weights.at(name).values));
  const decoder<> other(changed, model);
  CHECK(other.shared_panels(model) == 3 * 7 + 1 - 1);
  CHECK(decoder<>(changed).shared_panels(model) == 0);
  const token_rows tokens = tokens_of("llama");
  CHECK(other.final_hidden(tokens.view()).values == model.final_hidden(tokens.view()).values);
}

TEST_CASE("decoder: tokens, hooks and tensors that the model does not have are refused") {
  language_model weights = load_model(models / "gpt_neox");
  const decoder<> model(weights);
  const std::vector<std::uint32_t> ids{1, 2, 97};
  qfa_test::check_refused([&] { model.final_hidden({ids.data(), 1, 3}); }, {"token 97", "vocabulary of 97"});
  const auto visit = no_visitor{};
  qfa_test::check_refused(
      [&] {
        model.forward({ids.data(), 1, 2}, {.hooks = {{3, hook_kind::z}}}, visit);
      },
      {"blocks.3.attn.hook_z"});
  qfa_test::check_refused(
      [&] {
        model.forward({ids.data(), 1, 2}, {.hooks = {{0, hook_kind::resid_mid}}}, visit);
      },
      {"blocks.0.hook_resid_mid"});
  weights.tensors["embed_out.weight"] = share({2, 2}, std::vector<float>(4));
  qfa_test::check_refused([&] { decoder<> broken(weights); }, {"embed_out.weight", "shape"});
  weights.tensors.erase("embed_out.weight");
  qfa_test::check_refused([&] { decoder<> broken(weights); }, {"embed_out.weight"});
}

namespace {

void look_only(const linear_input&, matrix_view<float>, std::size_t) {}

constexpr input_kind input_kinds[] = {input_kind::attention, input_kind::mix, input_kind::mlp, input_kind::hidden};

}  // namespace

TEST_CASE("decoder: a visitor that changes nothing changes no bit at any hook, and none does once it is taken away") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const auto plain = everything(model, tokens.view());
    const auto hidden = model.final_hidden(tokens.view()).values;
    model.visit_inputs(look_only);
    qfa_test::for_each_thread_count([&] { CHECK((everything(model, tokens.view()) == plain)); });
    CHECK(model.final_hidden(tokens.view()).values == hidden);
    CHECK(decoder<>(load_model(models / family), model).final_hidden(tokens.view()).values == hidden);
    model.visit_inputs([](const linear_input&, matrix_view<float> x, std::size_t) { x(0, 0) += 1.0f; });
    CHECK(model.final_hidden(tokens.view()).values != hidden);
    model.visit_inputs({});
    CHECK(model.final_hidden(tokens.view()).values == hidden);
  }
}

TEST_CASE("decoder: every layer's inputs are shown once, in the order of computation, all tokens at once") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    decoder<> model(load_model(models / family));
    const model_config& config = model.config();
    const token_rows tokens = tokens_of(family);
    std::vector<linear_input> seen;
    std::map<linear_input, std::vector<float>> inputs;
    model.visit_inputs([&](const linear_input& input, matrix_view<float> x, std::size_t context) {
      CHECK(context == tokens.context);
      CHECK(x.rows() == tokens.ids.size());
      CHECK(x.columns() == input_width(config, input.kind));
      seen.push_back(input);
      inputs[input].assign(x.data(), x.data() + x.size());
    });
    const auto values = everything(model, tokens.view());
    std::vector<linear_input> expected;
    for (std::size_t l = 0; l < config.layers; ++l)
      for (const input_kind kind : input_kinds)
        expected.push_back({l, kind});
    CHECK((seen == expected));
    // The mix and the hidden units are what hooks show; the others are norms of residuals that hooks show.
    const auto hooks = hooks_of(config);
    const auto at = [&](std::size_t layer, hook_kind kind) -> const std::vector<float>& {
      return values[static_cast<std::size_t>(std::ranges::find(hooks, hook_point{layer, kind}) - hooks.begin())];
    };
    const language_model weights = load_model(models / family);
    for (std::size_t l = 0; l < config.layers; ++l) {
      CHECK(inputs[{l, input_kind::mix}] == at(l, hook_kind::z));
      CHECK(inputs[{l, input_kind::hidden}] == at(l, hook_kind::mlp_post));
      const layer_layout names = layout_of(config).layers[l];
      const auto normed = [&](const std::vector<float>& residual, const std::string& by) {
        std::vector<float> out(residual.size());
        norm_weights(weights, by)({residual.data(), tokens.ids.size(), config.hidden},
                                  {out.data(), tokens.ids.size(), config.hidden});
        return out;
      };
      CHECK(inputs[{l, input_kind::attention}] == normed(at(l, hook_kind::resid_pre), names.attention_norm));
      const hook_kind before_mlp = config.parallel_residual ? hook_kind::resid_pre : hook_kind::resid_mid;
      CHECK(inputs[{l, input_kind::mlp}] == normed(at(l, before_mlp), names.mlp_norm));
    }
  }
}

TEST_CASE("decoder: what a visitor writes is what linear layers read, and hooks before them show what was there") {
  for (const std::string_view family : model_family_names) {
    CAPTURE(family);
    decoder<> model(load_model(models / family));
    const token_rows tokens = tokens_of(family);
    const auto hooks = hooks_of(model.config());
    const auto before = everything(model, tokens.view());
    for (const input_kind kind : input_kinds) {
      CAPTURE(input_kind_names[static_cast<std::size_t>(kind)]);
      model.visit_inputs([&](const linear_input& input, matrix_view<float> x, std::size_t) {
        if (input == linear_input{1, kind}) std::fill_n(x.data(), x.size(), 0.0f);
      });
      const auto after = everything(model, tokens.view());
      // The first hooks that differ are those of the layers that read the zeros, and these give their biases alone.
      const auto first =
          static_cast<std::size_t>(std::ranges::find(hooks, hook_point{1, first_reader(kind)}) - hooks.begin());
      for (std::size_t i = 0; i < first; ++i)
        CHECK(after[i] == before[i]);
      const std::size_t readers = kind == input_kind::attention ? 3 : 1;
      for (std::size_t i = first; i < first + readers; ++i) {
        CAPTURE(name_of(hooks[i]));
        CHECK(after[i] != before[i]);
        const std::size_t width = after[i].size() / tokens.ids.size();
        for (std::size_t t = 1; t < tokens.ids.size(); ++t)
          CHECK(std::equal(after[i].begin(), after[i].begin() + static_cast<std::ptrdiff_t>(width),
                           after[i].begin() + static_cast<std::ptrdiff_t>(t * width)));
      }
    }
  }
}

TEST_CASE("decoder: a pass that ends with a hook shows no inputs from behind it") {
  decoder<> model(load_model(models / "gemma2"));
  const token_rows tokens = tokens_of("gemma2");
  std::vector<linear_input> seen;
  model.visit_inputs([&](const linear_input& input, matrix_view<float>, std::size_t) { seen.push_back(input); });
  model.forward(tokens.view(), {.hooks = {{1, hook_kind::z}}}, no_visitor{});
  CHECK((seen.back() == linear_input{1, input_kind::attention}));
  CHECK(seen.size() == 5);
  seen.clear();
  model.forward(tokens.view(), {.hooks = {{0, hook_kind::attn_raw_out}}}, no_visitor{});
  CHECK((seen == std::vector<linear_input>{{0, input_kind::attention}, {0, input_kind::mix}}));
}

TEST_CASE("decoder: int8 inputs by a visitor agree with a slow forward pass in double that rounds likewise") {
  const language_model weights = load_model(models / "llama");
  decoder<> model(weights);
  const token_rows tokens = tokens_of("llama");
  const std::size_t texts = tokens.rows(), context = tokens.context;
  std::map<linear_input, std::vector<float>> codes;
  // A token's scale is its largest magnitude over 127.
  model.visit_inputs([&](const linear_input& input, matrix_view<float> x, std::size_t) {
    auto& kept = codes[input];
    for (std::size_t t = 0; t < x.rows(); ++t) {
      float peak = 0.0f;
      for (const float v : x.row(t))
        peak = std::max(peak, std::fabs(v));
      const float scale = peak / 127.0f;
      for (float& v : x.row(t)) {
        kept.push_back(std::nearbyint(v / scale));
        v = kept.back() * scale;
      }
    }
  });
  const activations hidden = model.final_hidden(tokens.view());
  const decoder<> plain(weights);
  CHECK(relative_error(hidden.values, plain.final_hidden(tokens.view()).values) > 1e-3);
  double worst = 0.0;
  std::size_t near_ties = 0;
  for (std::size_t r = 0; r < texts; ++r) {
    const auto slow = qfa_test::slow_llama(weights, tokens.view().row(r), [&](const linear_input& input, auto& x) {
      for (std::size_t t = 0; t < x.size(); ++t) {
        double peak = 0.0;
        for (const double v : x[t])
          peak = std::max(peak, std::fabs(v));
        for (std::size_t i = 0; i < x[t].size(); ++i) {
          // Where float and double fall on two sides of a tie, float's code is taken: it is as near.
          const double exact = x[t][i] / (peak / 127.0);
          const double code = static_cast<double>(codes[input][(r * context + t) * x[t].size() + i]);
          CHECK(std::fabs(exact - code) <= 0.5 + 1e-3);
          near_ties += code != std::nearbyint(exact);
          x[t][i] = code * (peak / 127.0);
        }
      }
    });
    for (std::size_t t = 0; t < context; ++t) {
      const std::vector<float> expected(slow[t].begin(), slow[t].end());
      worst = std::max(worst, relative_error(hidden.view().row(r * context + t), expected));
    }
  }
  CHECK(worst < 5e-6);  // what a pass of floats loses
  CHECK(near_ties < 20);
}

}  // namespace model_decoder_test

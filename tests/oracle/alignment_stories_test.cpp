// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "made_up_caches.hpp"
#include "oracle.hpp"
#include "qfa/alignment/attention_weights.hpp"
#include "qfa/alignment/direction_audit.hpp"
#include "qfa/alignment/layer_attention.hpp"
#include "qfa/alignment/layer_reductions.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"

namespace alignment_stories_test {

using namespace qfa;

namespace {

std::filesystem::path stories() { return qfa_test::oracle_data() / "stories260K"; }

const any_decoder& model() {
  static const any_decoder stories260k(load_model(stories()));
  return stories260k;
}

/// The beginnings of rows that end with a token of one class: the two most
/// frequent tokens, whatever came before.  Lengths from 12 to 47 tokens.
struct two_classes {
  contrast_prompts fitted, held_out;
};
two_classes draw() {
  const token_rows tokens = read_tokens(stories() / "tokens.npy", {.context = 48, .max_tokens = 48 * 1200});
  // The two most frequent tokens of the text.
  std::vector<std::size_t> count(model().config().vocabulary, 0);
  for (const std::uint32_t id : tokens.ids)
    ++count[id];
  const auto first = std::ranges::max_element(count) - count.begin();
  count[static_cast<std::size_t>(first)] = 0;
  const auto second = std::ranges::max_element(count) - count.begin();
  two_classes out;
  for (std::size_t r = 0; r < tokens.rows(); ++r) {
    const auto row = tokens.view().row(r);
    contrast_prompts& to = r % 2 == 0 ? out.fitted : out.held_out;
    for (const auto& [id, prompts] : {std::pair{first, &to.harmful}, std::pair{second, &to.harmless}}) {
      const auto at = std::find(row.begin() + 11, row.end(), static_cast<std::uint32_t>(id));
      if (at != row.end() && prompts->size() < 60) prompts->emplace_back(row.begin(), at + 1);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("stories260K: weights of attention mix its values") {
  const two_classes prompts = draw();
  REQUIRE(prompts.fitted.harmful.size() == 60);
  REQUIRE(prompts.held_out.harmless.size() == 60);
  double worst = 0.0;
  for (std::size_t l = 0; l < model().config().layers; ++l) {
    const std::vector<hook_point> hooks{
        {l, hook_kind::rot_q}, {l, hook_kind::rot_k}, {l, hook_kind::v}, {l, hook_kind::z}};
    std::vector<activations> seen(4);
    const auto& prompt = prompts.fitted.harmful[5];
    model().forward(matrix_view<const std::uint32_t>(prompt.data(), 1, prompt.size()), {.hooks = hooks},
                    [&](std::size_t i, matrix_view<float> x) {
                      seen[i].resize(x.rows(), x.columns());
                      seen[i].values.assign(x.data(), x.data() + x.size());
                    });
    const attention_shape shape = attention_shape_of(model().config(), l);
    const std::size_t last = prompt.size() - 1;
    for (std::size_t head = 0; head < shape.heads; ++head) {
      const auto weights = attention_weights(seen[0].view(), seen[1].view(), shape, head, last);
      for (std::size_t c = 0; c < shape.head_dim; ++c) {
        double mix = 0.0;
        for (std::size_t j = 0; j <= last; ++j)
          mix += weights[j] *
                 static_cast<double>(seen[2].view()(j, head / (shape.heads / shape.kv_heads) * shape.head_dim + c));
        worst = std::fmax(worst, std::fabs(mix - static_cast<double>(seen[3].view()(last, head * shape.head_dim + c))));
      }
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("stories260K: directions of tokens are found, kept by a fine cache, and hit harder by a coarse one") {
  const two_classes prompts = draw();
  const std::size_t layers = model().config().layers;
  const auto audit = [&](float step) {
    any_decoder compressed = model();
    compressed.use_cache(cache_plan(qfa_test::rounding_cache{.step = step}, layers));
    return audit_directions(model(), compressed, prompts.fitted, prompts.held_out, 1,
                            {.heads = false, .controls = {.permutations = 50, .axes = 5}});
  };
  const direction_findings fine = audit(0.03125f), coarse = audit(1.0f);
  REQUIRE(fine.sites.size() == layers * 4);
  for (std::size_t i = 0; i < fine.sites.size(); ++i) {
    const direction_finding &a = fine.sites[i], &b = coarse.sites[i];
    CAPTURE(name_of(a.site));
    CHECK(a.detection.d_reference == b.detection.d_reference);
    if (a.site.hook.layer > 0) CHECK(a.detection.d_reference > 2.0);  // below, nothing but the token tells
    CHECK(a.stability.split_half > 0.9);
    CHECK(a.stability.cosine > 0.9998);
    CHECK(b.stability.cosine > 0.8);
    CHECK(b.stability.cosine < a.stability.cosine);
    CHECK(a.vulnerable.direction.error.everywhere < 0.01 * b.vulnerable.direction.error.everywhere);
    CHECK(a.value(vulnerability_form::margin) > 0.0);
    if (a.site.error != error_source::in_cache) continue;
    // Steps far below the activations make rounding's error the same in all channels: isotropic, V_conc = 1.
    CHECK(a.value(vulnerability_form::concentration) > 0.6);
    CHECK(a.value(vulnerability_form::concentration) < 1.6);
  }
}

TEST_CASE("stories260K: a step of a 32nd takes away all but a thousandth of the keys' error along the direction") {
  const two_classes prompts = draw();
  const std::size_t layers = model().config().layers;
  for (const layer_reduction& layer : reductions_of_layers(
           model(), cache_plan(qfa_test::rounding_cache{.step = 1.0f}, layers),
           cache_plan(qfa_test::rounding_cache{.step = 0.03125f}, layers), prompts.fitted, prompts.held_out)) {
    CHECK(layer.reduction > 0.998);
    CHECK(layer.reduction < 0.9997);
  }
}

TEST_CASE("stories260K: layers attend neither to one token alone nor to all alike") {
  const two_classes prompts = draw();
  const auto some = std::span(prompts.fitted.harmful).first(10);
  double alike = 0.0;  // entropy of queries that attend to all alike
  for (const auto& prompt : some)
    for (std::size_t i = 0; i < prompt.size(); ++i)
      alike += std::log(static_cast<double>(i + 1)) / static_cast<double>(prompt.size() * some.size());
  for (const layer_attention& layer : attention_of_layers(model(), some)) {
    CHECK(layer.mass > 0.4);
    CHECK(layer.mass < 0.8);
    CHECK(layer.entropy > 0.3 * alike);
    CHECK(layer.entropy < 0.8 * alike);
  }
}

}  // namespace alignment_stories_test

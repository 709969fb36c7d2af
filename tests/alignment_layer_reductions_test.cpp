// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/layer_reductions.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "contrast_prompts.hpp"
#include "made_up_caches.hpp"
#include "qfa/model/load.hpp"

namespace alignment_layer_reductions_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

const any_decoder& model() {
  static const any_decoder llama(load_model(models / "llama"));
  return llama;
}
contrast_prompts draw(unsigned seed) {
  return {qfa_test::draw_prompts(10, seed, 100, 0, 50), qfa_test::draw_prompts(8, seed + 50, 100, 50, 100)};
}
const contrast_prompts fitted = draw(1), held_out = draw(2);

std::vector<contrast_direction> directions(hook_kind kind) {
  std::vector<contrast_direction> out;
  for (std::size_t l = 0; l < 3; ++l)
    out.push_back(find_direction(activations_at(model(), fitted.harmful, hook_point{l, kind}, last_token()).view(),
                                 activations_at(model(), fitted.harmless, hook_point{l, kind}, last_token()).view()));
  return out;
}
cache_plan planted(double size, double sideways = 0.0, cache_point point = cache_point::before_rope) {
  qfa_test::planted_cache out{.point = point, .size = size};
  for (const contrast_direction& r : directions(point == cache_point::before_rope ? hook_kind::k : hook_kind::rot_k)) {
    out.keys_along.push_back(r.unit);
    std::vector<double> u(r.unit.size(), 0.0);
    u[0] = r.unit[1], u[1] = -r.unit[0];  // at right angles
    for (std::size_t c = 0; c < u.size(); ++c)
      out.keys_along.back()[c] += sideways * u[c];
  }
  return {out, 3};
}

}  // namespace

TEST_CASE("reductions_of_layers: the share of the error along the direction that the finer cache takes away") {
  for (const auto& [fine, expected] : {std::pair{0.5, 0.75}, {1.0, 0.0}, {2.0, -3.0}, {0.0, 1.0}})
    for (const layer_reduction& layer : reductions_of_layers(model(), planted(1.0), planted(fine), fitted, held_out)) {
      CHECK(layer.reduction == doctest::Approx(expected).epsilon(1e-5));
      CHECK(layer.per_tensor_error > 0.2);
      CHECK(layer.per_channel_error == doctest::Approx((1.0 - expected) * layer.per_tensor_error).epsilon(1e-5));
    }
}

TEST_CASE("reductions_of_layers: errors at right angles to the direction do not count") {
  const auto straight = reductions_of_layers(model(), planted(1.0), planted(0.5), fitted, held_out);
  const auto sideways = reductions_of_layers(model(), planted(1.0, 3.0), planted(0.5, 7.0), fitted, held_out);
  for (std::size_t l = 0; l < 3; ++l) {
    CHECK(sideways[l].per_tensor_error == doctest::Approx(straight[l].per_tensor_error).epsilon(1e-5));
    CHECK(sideways[l].reduction == doctest::Approx(0.75).epsilon(1e-5));
  }
}

TEST_CASE("reductions_of_layers: the errors are those of prompts held out, in the caches, at the hook asked for") {
  const cache_plan coarse(qfa_test::rounding_cache{.step = 0.5f}, 3), fine(qfa_test::rounding_cache{.step = 0.125f}, 3);
  for (const hook_kind kind : {hook_kind::k, hook_kind::rot_k, hook_kind::v}) {
    const auto all =
        reductions_of_layers(model(), coarse, fine, fitted, held_out, {.at = kind, .position = last_token(1)});
    const auto fit = [&](const qfa_test::token_lists& prompts, std::size_t l) {
      return activations_at(model(), prompts, hook_point{l, kind}, last_token(1));
    };
    for (std::size_t l = 0; l < 3; ++l) {
      const contrast_direction r = find_direction(fit(fitted.harmful, l).view(), fit(fitted.harmless, l).view());
      double sum = 0.0;
      for (const qfa_test::token_lists* prompts : {&held_out.harmful, &held_out.harmless}) {
        const auto held = cached_activations(model(), coarse, *prompts, last_token(1));
        const auto before = projections(held[l].reference.at(kind).view(), r.unit);
        const auto after = projections(held[l].cached.at(kind).view(), r.unit);
        for (std::size_t p = 0; p < before.size(); ++p)
          sum += (after[p] - before[p]) * (after[p] - before[p]);
      }
      CHECK(all[l].per_tensor_error == doctest::Approx(sum / 18.0).epsilon(1e-9));
      CHECK(all[l].reduction > 0.5);  // a quarter of the step is a sixteenth of the error, or so
      CHECK(all[l].reduction < 1.0);
    }
  }
}

TEST_CASE("reductions_of_layers: without an error, or a direction, there is nothing to reduce") {
  for (const layer_reduction& layer : reductions_of_layers(model(), {}, planted(1.0), fitted, held_out)) {
    CHECK(layer.per_tensor_error == 0.0);
    CHECK(std::isnan(layer.reduction));
  }
  const auto blind = reductions_of_layers(model(), planted(1.0), planted(0.5), fitted, held_out,
                                          {.position = response_token(), .response = {3}});
  CHECK(std::isnan(blind[0].per_tensor_error));  // the first layer's keys are the response's alone
  CHECK(std::isnan(blind[0].reduction));
  CHECK_FALSE(std::isnan(blind[1].reduction));
}

TEST_CASE("reductions_of_layers: prompts that directions are fitted on are refused") {
  CHECK_THROWS_AS(reductions_of_layers(model(), planted(1.0), planted(0.5), fitted, fitted), error);
}

}  // namespace alignment_layer_reductions_test

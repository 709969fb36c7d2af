// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/layer_attention.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "contrast_prompts.hpp"
#include "made_up_caches.hpp"
#include "model_threads.hpp"
#include "qfa/model/load.hpp"

namespace alignment_layer_attention_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

}  // namespace

TEST_CASE("attention_of: attention to everything alike has the mass 1/n and the entropy ln n of each query") {
  const std::vector<float> zeros(16, 0.0f);
  const matrix_view<const float> q(zeros.data(), 4, 4), k(zeros.data(), 4, 2);
  const layer_attention a = attention_of(q, k, {.heads = 2, .kv_heads = 1, .head_dim = 2});
  CHECK(a.mass == doctest::Approx((1.0 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4) / 4).epsilon(1e-12));
  CHECK(a.entropy == doctest::Approx((std::log(2.0) + std::log(3.0) + std::log(4.0)) / 4).epsilon(1e-12));
}

TEST_CASE("attention_of: attention to one token has all the mass and no entropy, and heads count alike") {
  const std::vector<float> q{9, 0, 9, 0, 9, 0}, k{9, -9, -9};  // of two heads, the second attends to all alike
  const layer_attention a =
      attention_of({q.data(), 3, 2}, {k.data(), 3, 1}, {.heads = 2, .kv_heads = 1, .head_dim = 1});
  CHECK(a.mass == doctest::Approx((1.0 + (1.0 + 1.0 / 2 + 1.0 / 3) / 3) / 2).epsilon(1e-12));
  CHECK(a.entropy == doctest::Approx((std::log(2.0) + std::log(3.0)) / 6).epsilon(1e-12));
}

TEST_CASE("attention_of_layers: the mean over prompts of each one's own, whatever their lengths, threads and caches") {
  const any_decoder model(load_model(models / "mistral"));
  const auto prompts = qfa_test::draw_prompts(7, 1, 80, 0, 80);
  const auto all = attention_of_layers(model, prompts);
  REQUIRE(all.size() == 3);
  for (std::size_t l = 0; l < 3; ++l) {
    layer_attention sum;
    for (const auto& prompt : prompts) {
      activations q;
      model.forward(matrix_view<const std::uint32_t>(prompt.data(), 1, prompt.size()),
                    {.hooks = {{l, hook_kind::rot_q}, {l, hook_kind::rot_k}}},
                    [&](std::size_t i, matrix_view<float> x) {
                      if (i == 0) {
                        q.resize(x.rows(), x.columns());
                        q.values.assign(x.data(), x.data() + x.size());
                      } else {
                        sum += attention_of(q.view(), x, attention_shape_of(model.config(), l));
                      }
                    });
    }
    CHECK(all[l].mass == doctest::Approx(sum.mass / 7.0).epsilon(1e-12));
    CHECK(all[l].entropy == doctest::Approx(sum.entropy / 7.0).epsilon(1e-12));
    CHECK(all[l].mass < 1.0);
    CHECK(all[l].entropy > 0.0);
  }
  any_decoder busy = model;
  busy.use_cache(cache_plan(qfa_test::rounding_cache{}, 3));
  qfa_test::for_each_thread_count([&] {
    const auto again = attention_of_layers(busy, prompts);
    for (std::size_t l = 0; l < 3; ++l) {
      CHECK(again[l].mass == all[l].mass);
      CHECK(again[l].entropy == all[l].entropy);
    }
  });
  CHECK_THROWS_WITH(attention_of_layers(model, {}), "how layers attend needs at least one prompt");
}

}  // namespace alignment_layer_attention_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/attention_weights.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/model/any_decoder.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/tokens.hpp"

namespace alignment_attention_weights_test {

using namespace qfa;

namespace {

const std::filesystem::path models = std::filesystem::path(QFA_TEST_DATA) / "models";

void check_weights(const std::vector<double>& weights, const std::vector<double>& expected) {
  REQUIRE(weights.size() == expected.size());
  for (std::size_t j = 0; j < weights.size(); ++j)
    CHECK(weights[j] == doctest::Approx(expected[j]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("attention_weights: mixed by them, values give what the decoder's attention gives") {
  for (const std::string_view family : {"llama", "gemma2", "mistral", "qwen2", "phi3", "gpt_neox"}) {
    CAPTURE(family);
    const any_decoder model(load_model(models / family));
    const token_rows tokens = read_tokens(models / family / "tokens.npy", {});
    const std::size_t n = tokens.context;
    for (std::size_t l = 0; l < model.config().layers; ++l) {
      std::vector<activations> seen(4);  // rot_q, rot_k, v, z
      model.forward(tokens.view().rows_between(0, 1),
                    {.hooks = {{l, hook_kind::rot_q}, {l, hook_kind::rot_k}, {l, hook_kind::v}, {l, hook_kind::z}}},
                    [&](std::size_t i, matrix_view<float> x) {
                      seen[i].resize(x.rows(), x.columns());
                      seen[i].values.assign(x.data(), x.data() + x.size());
                    });
      const attention_shape shape = attention_shape_of(model.config(), l);
      double worst = 0.0;
      for (std::size_t head = 0; head < shape.heads; ++head)
        for (std::size_t i = 0; i < n; ++i) {
          const auto weights = attention_weights(seen[0].view(), seen[1].view(), shape, head, i);
          for (std::size_t c = 0; c < shape.head_dim; ++c) {
            double mix = 0.0;
            for (std::size_t j = 0; j <= i; ++j)
              mix += weights[j] *
                     static_cast<double>(seen[2].view()(j, head / (shape.heads / shape.kv_heads) * shape.head_dim + c));
            worst =
                std::fmax(worst, std::fabs(mix - static_cast<double>(seen[3].view()(i, head * shape.head_dim + c))));
          }
        }
      CHECK(worst < 1e-5);
    }
  }
}

TEST_CASE("attention_weights: a softmax of scaled scores over the past") {
  const std::vector<float> q{1, 0, 0, 2}, k{1, 0, 0, 1};  // two tokens, one head of two channels
  const matrix_view<const float> queries(q.data(), 2, 2), keys(k.data(), 2, 2);
  const attention_shape shape{.head_dim = 2, .scale = 0.5f};
  check_weights(attention_weights(queries, keys, shape, 0, 0), {1.0});
  const double e = std::exp(1.0);
  check_weights(attention_weights(queries, keys, shape, 0, 1), {1.0 / (1.0 + e), e / (1.0 + e)});
  attention_shape capped = shape;
  capped.softcap = 0.5f;
  const double s = std::exp(0.5 * std::tanh(2.0));
  check_weights(attention_weights(queries, keys, capped, 0, 1), {1.0 / (1.0 + s), s / (1.0 + s)});
}

TEST_CASE("attention_weights: a window shows so many tokens, the query's own among them") {
  const std::vector<float> q(5, 0.0f), k(5, 0.0f);
  const matrix_view<const float> x(q.data(), 5, 1), y(k.data(), 5, 1);
  check_weights(attention_weights(x, y, {.window = 2}, 0, 4), {0, 0, 0, 0.5, 0.5});
  check_weights(attention_weights(x, y, {.window = 5}, 0, 4), {0.2, 0.2, 0.2, 0.2, 0.2});
  check_weights(attention_weights(x, y, {.window = 2}, 0, 1), {0.5, 0.5});
  check_weights(attention_weights(x, y, {.window = 1}, 0, 3), {0, 0, 0, 1});
}

TEST_CASE("attention_weights: scores of any size give weights that are finite and add up to 1") {
  const std::vector<float> q{1e4f, 1e4f, -1e4f}, k{1e4f, -1e4f, 5e3f};
  const matrix_view<const float> x(q.data(), 3, 1), y(k.data(), 3, 1);
  check_weights(attention_weights(x, y, {}, 0, 1), {1.0, 0.0});
  check_weights(attention_weights(x, y, {}, 0, 2), {0.0, 1.0, 0.0});
}

TEST_CASE("attention_weights: other shapes are refused") {
  const std::vector<float> x(12, 0.0f);
  const matrix_view<const float> q(x.data(), 3, 4), k(x.data(), 3, 2);
  const attention_shape shape{.heads = 2, .kv_heads = 1, .head_dim = 2};
  CHECK(attention_weights(q, k, shape, 1, 2).size() == 3);
  CHECK_THROWS_AS(attention_weights(q, k, shape, 2, 2), error);
  CHECK_THROWS_AS(attention_weights(q, k, shape, 0, 3), error);
  CHECK_THROWS_AS(attention_weights(q, q, shape, 0, 0), error);
  CHECK_THROWS_AS(attention_weights(k, k, shape, 0, 0), error);
  CHECK_THROWS_AS(attention_weights(q, k.rows_between(0, 2), shape, 0, 0), error);
  CHECK_THROWS_AS(attention_shape_of(model_config{}, 0), error);
}

}  // namespace alignment_attention_weights_test

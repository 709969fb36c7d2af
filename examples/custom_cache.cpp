// SPDX-License-Identifier: Apache-2.0
// A quantized KV cache of one's own is a struct and nothing else: here keys keep their signs and one size per token,
// once they are more than eight tokens old.  It generates, is measured on text, and goes into spec strings and audits.
#include <cassert>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "qfa/cache/plan_spec.hpp"
#include "qfa/model/any_decoder.hpp"
#include "qfa/model/generate.hpp"
#include "qfa/model/load.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/model/tokens.hpp"

struct old_keys_keep_signs {
  static constexpr std::size_t recent = 8;
  std::size_t done = 0;  // each layer of each text has a copy of its own: this is its memory

  void operator()(qfa::matrix_view<float> keys, qfa::matrix_view<float>, const qfa::cache_update&) {
    for (; done + recent < keys.rows(); ++done) {
      float size = 0.0f;
      for (const float k : keys.row(done))
        size += std::fabs(k) / static_cast<float>(keys.columns());
      for (float& k : keys.row(done))
        k = std::copysign(size, k);
    }
  }
};

double mean_loss(const qfa::any_decoder& model, const qfa::token_rows& tokens) {
  std::vector<double> nll(tokens.rows() * (tokens.context - 1));
  score_tokens(model, model.final_hidden(tokens.view()).view(), tokens.view(), nll);
  qfa::loss_sum sum;
  for (const double x : nll)
    sum(x);
  return sum.mean();
}

int main(int argc, char** argv) {
  const std::filesystem::path demo = argc > 1 ? argv[1] : QFA_DEMO_DIR;
  qfa::any_decoder model(qfa::load_model(demo / "model"));
  const std::size_t layers = model.config().layers;
  const qfa::token_rows tokens = qfa::read_tokens(demo / "tokens.npy", {.context = 64, .max_tokens = 512});
  const double plain = mean_loss(model, tokens);

  // As in serving: eight tokens in the first call, then one by one.
  const qfa::cache_plan ours(qfa::any_cache_policy(old_keys_keep_signs{}, "old_keys_keep_signs"), layers);
  model.use_cache(ours, {.prefill = 8});
  const double quantized = mean_loss(model, tokens);
  std::printf("loss %.3f, with old keys' signs alone %.3f\n", plain, quantized);
  assert(quantized > plain);

  // One of qfa's own in the layers that matter most, beside it.
  auto catalogue = qfa::default_cache_catalogue();
  catalogue.add({old_keys_keep_signs{}, "old_keys"}, "keep old keys' signs");
  const qfa::cache_plan mixed = qfa::parse_cache_plan("old_keys;0=none;1=kivi:bits=4,residual=32", layers, catalogue);
  model.use_cache(mixed, {.prefill = 8});
  const double protected_loss = mean_loss(model, tokens);
  std::printf("%s: loss %.3f\n", mixed.name().c_str(), protected_loss);
  assert(protected_loss < quantized);

  // The same cache while the model writes.
  const std::vector<std::vector<std::uint32_t>> prompts{{0, 1}};
  const auto texts = qfa::generate(model, prompts, {.max_new_tokens = 24}, mixed);
  assert(texts.front().tokens.size() == 24);
}

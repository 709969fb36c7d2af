// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/audited_model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "made_up_caches.hpp"
#include "qfa/compress/rtn.hpp"
#include "scratch.hpp"

namespace audit_audited_model_test {

using namespace qfa;
using namespace qfa_test;

namespace {

audited_model made_up(compression_order order, const std::string& family = "gpt_neox") {
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  settings.order = order;
  return {tiny_model(family), lossless_sae(64), settings, false, {}};
}

/// Rounds the inputs of linear layers to halves of a unit, and leaves weights as they are.
struct half_inputs {
  void operator()(matrix_view<float>) const {}
  void activations(matrix_view<float> x, const linear_input&) const { round_rows(x, 0, x.rows(), 0.5f); }
  std::string name() const { return "half_inputs"; }
};

/// A cache that rounds keys by the largest one that it has learned.
struct by_peak {
  float largest = 0.0f;
  void operator()(matrix_view<float> keys, matrix_view<float>, const cache_update& u) const {
    round_rows(keys, u.first_new, keys.rows(), largest / 3.0f);
  }
  void learn(matrix_view<const float> keys, matrix_view<const float>, const cache_info&) {
    for (std::size_t t = 0; t < keys.rows(); ++t)
      for (const float k : keys.row(t))
        largest = std::max(largest, std::fabs(k));
  }
  std::string name() const { return "by_peak"; }
};

std::vector<float> hidden(const any_decoder& model) { return model.final_hidden(random_rows(2, 12, 97).view()).values; }

}  // namespace

TEST_CASE("audited_model: the order of compression and processing makes other models of one policy") {
  const audited_model after = made_up(compression_order::compress_then_process);
  const audited_model before = made_up(compression_order::process_then_compress);
  CHECK(hidden(after.reference()) == hidden(before.reference()));
  const rtn policy{.bits = 4};
  const auto a = hidden(after.ready(after.compress_by(policy, {})));
  CHECK(a != hidden(before.ready(before.compress_by(policy, {}))));
  // What was compressed elsewhere is processed after that, whatever the order.
  const language_model elsewhere = compress(tiny_model(), policy).model;
  CHECK(hidden(after.ready(after.take(elsewhere, {}, {}))) == a);
  CHECK(hidden(before.ready(before.take(elsewhere, {}, {}))) == a);
  // How far its weights moved is told of those that are stored, too.
  const compressed_model expected = compress(tiny_model(), policy);
  for (const audited_model* const model : {&after, &before}) {
    const compressed_model taken = model->take(elsewhere, {}, {});
    REQUIRE(taken.tensors.size() == expected.tensors.size());
    for (std::size_t i = 0; i < taken.tensors.size(); ++i)
      CHECK(taken.tensors[i].change == expected.tensors[i].change);
  }
}

TEST_CASE("audited_model: what a policy leaves alone is shared with the reference") {
  const audited_model model = made_up(compression_order::compress_then_process);
  const std::string up = "gpt_neox.layers.0.mlp.dense_h_to_4h.weight";
  const compressed_model one = model.compress_by(rtn{.bits = 4}, {.include = {up}, .exclude = {}});
  const compressed_model none = model.take(tiny_model(), {}, {});
  std::size_t differing = 0;
  for (const auto& [name, tensor] : one.model.tensors)
    differing += tensor.values != none.model.tensors.at(name).values;
  CHECK(differing == 2);  // the matrix, and the bias that its norm's bias is folded into by way of it
}

TEST_CASE("audited_model: bits before compression are those of the files, also of a tensor that processing makes") {
  language_model stored = tiny_model("qwen2");
  stored.tensors.at("model.layers.0.mlp.up_proj.weight").bits = 16.0;
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  const audited_model model(stored, lossless_sae(64), settings, false, {});
  const auto tensor = [](const std::string& name, std::size_t weights) {
    return compressed_tensor{.info = {.name = name}, .weights = weights, .change = {}, .stored_bits = 1.0};
  };
  CHECK(model.bits_before({tensor("model.layers.0.mlp.up_proj.weight", 10)}) == 16.0);
  CHECK(model.bits_before({tensor("model.layers.0.mlp.up_proj.weight", 10),
                           tensor("model.layers.1.mlp.up_proj.weight", 30)}) == 28.0);
  CHECK(model.bits_before({tensor("lm_head.weight", 10)}) == 32.0);
}

TEST_CASE("audited_model: a cache learns from the model that it is in, and its texts come as it was asked") {
  audited_model model = made_up(compression_order::compress_then_process);
  const token_rows rows = random_rows(3, 12, 97, 9);
  model.calibrate_on(rows);
  const cache_plan plan(any_cache_policy(by_peak{}, "by_peak"), model.stored().config.layers);
  const compressed_model weights = model.compress_by(rtn{.bits = 3}, {});
  const compressed_model both = model.with_cache(weights, {plan, {.prefill = 5, .step = 2}});
  CHECK(both.cache.schedule.prefill == 5);
  CHECK(both.cache.schedule.step == 2);
  const auto with_plan = [&](const cache_plan& learned) {
    any_decoder ready = model.ready(weights);
    ready.use_cache(learned, {.prefill = 5, .step = 2});
    return hidden(ready);
  };
  const auto found = hidden(model.ready(both));
  CHECK(found == with_plan(learn_cache(plan, model.ready(weights), rows)));
  CHECK(found != with_plan(learn_cache(plan, model.reference(), rows)));
  CHECK(found != hidden(model.ready(weights)));
}

TEST_CASE("audited_model: changed inputs are refused at the hooks that processing moves, and only there") {
  audit_settings settings = tiny_settings();
  const auto run = [&](const char* hook, const processing& parts, compression_order order) {
    settings.hook = hook;
    settings.weight_processing = parts;
    settings.order = order;
    const audited_model model(tiny_model(), lossless_sae(64), settings, false, {});
    return model.compress_by(half_inputs{}, {}).model.tensors.size();
  };
  constexpr auto deployed = compression_order::compress_then_process, first = compression_order::process_then_compress;
  for (const char* hook : {"blocks.1.attn.hook_v", "blocks.1.attn.hook_z"}) {
    check_refused([&] { run(hook, transformer_lens_processing, deployed); }, {hook, "fold_value_biases"});
    CHECK(run(hook, transformer_lens_processing, first) > 0);
    CHECK(run(hook, {}, deployed) > 0);
  }
  for (const char* hook : {"blocks.1.attn.hook_q", "blocks.1.hook_resid_post"})
    CHECK(run(hook, transformer_lens_processing, deployed) > 0);
}

TEST_CASE("audited_model: an SAE of another width is refused before anything is processed") {
  check_refused([] { audited_model(tiny_model(), lossless_sae(63), tiny_settings(), false, {}); },
                {"63 wide", "blocks.1.hook_resid_post", "64 wide"});
  check_refused([] { audited_model(tiny_model(), lossless_sae(65), tiny_settings(), false, {}); },
                {"65 wide", "blocks.1.hook_resid_post", "64 wide"});
}

}  // namespace audit_audited_model_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/audited_model.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "audit_made_up.hpp"
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

TEST_CASE("audited_model: an SAE of another width is refused before anything is processed") {
  check_refused([] { audited_model(tiny_model(), lossless_sae(63), tiny_settings(), false, {}); },
                {"63 wide", "blocks.1.hook_resid_post", "64 wide"});
}

}  // namespace audit_audited_model_test

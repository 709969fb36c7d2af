// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_saelens.hpp"

#include <cmath>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/safetensors_writer.hpp"
#include "sae_formats.hpp"

namespace sae_load_saelens_test {

using qfa_test::check_refused;
using qfa_test::copy_of;
using qfa_test::replace_in;
using qfa_test::sae_formats;
using qfa_test::scratch;

namespace {

qfa::sae load(const std::string& name) { return qfa::load_saelens(sae_formats / name); }

/// Rewrites the weights of a copied SAE with one tensor replaced, added, or (of no bytes) taken away.
void replace_tensor(const std::filesystem::path& directory, const qfa::tensor_to_write& with) {
  const std::filesystem::path path = directory / "sae_weights.safetensors";
  const qfa::safetensors old(path, {.access = qfa::file_access::read});
  std::vector<qfa::tensor_to_write> tensors;
  std::deque<std::vector<std::byte>> kept;  // what they view
  for (const qfa::stored_tensor& tensor : old.tensors())
    if (tensor.name != with.name)
      tensors.push_back({tensor.name, tensor.type, tensor.shape, kept.emplace_back(tensor.bytes.read())});
  if (!with.bytes.empty()) tensors.push_back(with);
  qfa::write_safetensors(path, tensors);
}

}  // namespace

TEST_CASE("load_saelens: every architecture and generation encodes and decodes as its library does") {
  for (const char* name : {"saelens_standard", "saelens_square", "saelens_topk", "saelens_topk_few", "saelens_jumprelu",
                           "saelens_gated", "saelens_layer_norm", "saelens_constant_norm", "saelens_bf16",
                           "saelens_f16", "saelens_f64", "saelens_v5", "saelens_v5_topk", "saelens_legacy"})
    qfa_test::check_expected(load(name), name);
}

TEST_CASE("load_saelens: what a training leaves to be folded is folded") {
  for (const char* name : {"saelens_topk_rescale", "saelens_log_threshold", "saelens_finetuned", "saelens_checkpoint",
                           "saelens_v5_checkpoint", "saelens_batchtopk"})
    qfa_test::check_expected(load(name), name);
}

TEST_CASE("load_saelens: a scale that no file tells is taken to be folded, and the SAE says so") {
  const qfa::sae s = load("saelens_folded");
  qfa_test::check_expected(s, "saelens_folded");
  REQUIRE(s.metadata.notes.size() == 1);
  CHECK(qfa_test::contains(s.metadata.notes.front(), "saelens_folded"));
  CHECK(load("saelens_checkpoint").metadata.notes.empty());
}

TEST_CASE("load_saelens: a matrix that lies the other way is turned where its lengths prove it") {
  qfa_test::check_expected(load("saelens_turned"), "saelens_turned");
}

TEST_CASE("load_saelens: kinds and parameters come from the configuration") {
  CHECK(load("saelens_standard").activation == qfa::activation_kind::relu);
  CHECK(load("saelens_topk").activation == qfa::activation_kind::top_k);
  CHECK(load("saelens_topk").k == 3);
  CHECK(load("saelens_v5_topk").activation == qfa::activation_kind::top_k);
  CHECK(load("saelens_v5_topk").k == 4);
  CHECK(load("saelens_jumprelu").activation == qfa::activation_kind::jump_relu);
  CHECK(load("saelens_gated").activation == qfa::activation_kind::gated);
  CHECK(load("saelens_layer_norm").norm == qfa::input_norm::layer_norm);
  CHECK(load("saelens_constant_norm").norm == qfa::input_norm::constant_norm_rescale);
  CHECK(load("saelens_checkpoint").norm == qfa::input_norm::none);
  CHECK(load("saelens_standard").apply_b_dec_to_input);
  CHECK(!load("saelens_v5").apply_b_dec_to_input);
  CHECK(load("saelens_legacy").apply_b_dec_to_input);  // by default
}

TEST_CASE("load_saelens: metadata of version 6 come from their own object") {
  const qfa::sae_metadata m = load("saelens_bf16").metadata;
  CHECK(m.format == "saelens");
  CHECK(m.model_name == "gemma-2-2b");
  CHECK(m.hook == "blocks.2.hook_resid_post");
  CHECK(m.context == 1024);
  CHECK(m.prepend_bos == true);
  CHECK(m.exclude_special_tokens == false);
  CHECK(m.neuronpedia_id == "gemma-2-2b/2-res");
  CHECK(!m.fold_ln);
  CHECK(m.center_writing_weights == false);
  CHECK(m.transformer_lens_default == false);
  CHECK(!m.head);
  CHECK(m.dtype == "bfloat16");
  const scratch here;
  const auto at = copy_of("saelens_bf16", here);
  replace_in(at / "cfg.json", "\"prepend_bos\": true,", "");
  CHECK(!qfa::load_saelens(at).metadata.prepend_bos);  // a default before version 6 only
}

TEST_CASE("load_saelens: metadata before version 6 stand beside the rest, and what is missing keeps its default") {
  const qfa::sae_metadata m = load("saelens_legacy").metadata;
  CHECK(m.model_name == "gpt2-small");
  CHECK(m.hook == "blocks.8.hook_resid_pre");  // put together from hook_point and its layer
  CHECK(m.context == 128);
  CHECK(m.prepend_bos == true);
  CHECK(!m.exclude_special_tokens);
  CHECK(!m.neuronpedia_id);
  CHECK(!m.transformer_lens_default);
  CHECK(m.dtype == "float32");
}

TEST_CASE("load_saelens: processing is the library's default only where every part of it was asked for") {
  const scratch here;
  const auto at = copy_of("saelens_standard", here);
  const auto processing = [&](const std::string& then, const std::string& now) {
    replace_in(at / "cfg.json", then, now);
    return qfa::load_saelens(at).metadata;
  };
  CHECK(processing("\"center_writing_weights\": false", "\"fold_ln\": true, \"center_writing_weights\": true")
            .transformer_lens_default == true);
  CHECK(!processing("\"fold_ln\": true, ", "").transformer_lens_default);
  CHECK(processing("\"center_writing_weights\": true", "\"fold_ln\": false").transformer_lens_default == false);
}

TEST_CASE("load_saelens: the published configurations of every generation are understood") {
  // Real configurations with the widths brought down; the weights are ours.
  const std::vector<float> big(40, 0.25f);
  const auto load_config = [&](const std::string& config, std::vector<const char*> vectors) {
    const scratch here;
    here.write("cfg.json", config);
    std::vector<qfa::tensor_to_write> tensors{qfa::as_tensor<float>("W_enc", {4, 10}, big),
                                              qfa::as_tensor<float>("W_dec", {10, 4}, big),
                                              qfa::as_tensor<float>("b_dec", {4}, std::span(big).first(4))};
    for (const char* name : vectors)
      tensors.push_back(qfa::as_tensor<float>(name, {10}, std::span(big).first(10)));
    qfa::write_safetensors(here.path() / "sae_weights.safetensors", tensors);
    return qfa::load_saelens(here.path());
  };
  const qfa::sae v3 = load_config(
      R"({"architecture": "standard", "d_in": 4, "d_sae": 10, "dtype": "torch.float32", "device": "cpu",
          "model_name": "gpt2-small", "hook_name": "blocks.1.hook_resid_pre", "hook_layer": 1, "hook_head_index": null,
          "activation_fn_str": "relu", "activation_fn_kwargs": {}, "apply_b_dec_to_input": true,
          "finetuning_scaling_factor": false, "sae_lens_training_version": null, "prepend_bos": true,
          "dataset_path": "Skylion007/openwebtext", "dataset_trust_remote_code": true, "context_size": 128,
          "normalize_activations": "none"})",
      {"b_enc"});
  CHECK(v3.metadata.hook == "blocks.1.hook_resid_pre");
  CHECK(!v3.metadata.transformer_lens_default);
  const qfa::sae v6 = load_config(
      R"({"d_in": 4, "d_sae": 10, "dtype": "float32", "device": "cuda:0", "apply_b_dec_to_input": true,
          "normalize_activations": "none", "reshape_activations": "none", "metadata": {"sae_lens_version": "6.36.2",
          "hook_name": "blocks.22.hook_resid_post", "model_name": "gemma-2-2b", "hook_head_index": 3,
          "context_size": 1024, "seqpos_slice": [null],
          "model_from_pretrained_kwargs": {"center_writing_weights": false},
          "prepend_bos": true, "exclude_special_tokens": [0, 1], "sequence_separator_token": "bos"},
          "jumprelu_init_threshold": 0.001, "l0_coefficient": 0.001, "jumprelu_tanh_scale": 4.0,
          "architecture": "jumprelu"})",
      {"b_enc", "threshold"});
  CHECK(v6.activation == qfa::activation_kind::jump_relu);
  CHECK(v6.metadata.head == 3);
  CHECK(v6.metadata.exclude_special_tokens == true);
  const qfa::sae z = load_config(
      R"({"d_in": 4, "d_sae": 10, "hook_name": "blocks.9.attn.hook_z", "model_name": "gpt2-small",
          "reshape_activations": "hook_z", "normalize_activations": null})",
      {"b_enc"});
  CHECK(z.metadata.hook == "blocks.9.attn.hook_z");
  CHECK(z.norm == qfa::input_norm::none);
}

TEST_CASE("load_saelens: transcoders are refused as such, however they say it") {
  const scratch here;
  const std::vector<float> bias(6, 0.0f);
  const auto by_tensor = copy_of("saelens_standard", here);
  replace_tensor(by_tensor, qfa::as_tensor<float>("b_dec_out", {6}, bias));
  check_refused([&] { qfa::load_saelens(by_tensor); }, {"transcoder", "saelens_standard"});
  const auto by_name = copy_of("saelens_topk", here);
  replace_in(by_name / "cfg.json", "\"topk\"", "\"skip_transcoder\"");
  check_refused([&] { qfa::load_saelens(by_name); }, {"transcoder", "saelens_topk"});
  const auto by_hook = copy_of("saelens_gated", here);
  replace_in(by_hook / "cfg.json", "\"model_name\"", "\"hook_name_out\": \"blocks.2.hook_mlp_out\", \"model_name\"");
  check_refused([&] { qfa::load_saelens(by_hook); }, {"transcoder", "saelens_gated"});
}

TEST_CASE("load_saelens: what is not known is refused by its name and with what was expected") {
  const auto refused = [](const char* name, const char* then, const char* now,
                          std::initializer_list<std::string_view> parts) {
    const scratch here;
    const auto at = copy_of(name, here);
    replace_in(at / "cfg.json", then, now);
    check_refused([&] { qfa::load_saelens(at); }, parts);
    check_refused([&] { qfa::load_saelens(at); }, {name});
  };
  refused("saelens_standard", "\"architecture\": \"standard\"", "\"architecture\": \"temporal\"",
          {"temporal", "jumprelu"});
  refused("saelens_v5", "\"relu\"", "\"tanh-relu\"", {"tanh-relu", "relu"});
  refused("saelens_standard", "\"normalize_activations\": \"none\"", "\"normalize_activations\": \"whiten\"",
          {"whiten", "layer_norm"});
  refused("saelens_standard", "\"reshape_activations\": \"none\"", "\"reshape_activations\": \"patches\"", {"patches"});
  refused("saelens_standard", "\"d_in\": 6,", "", {"d_in"});
  refused("saelens_standard", "\"d_sae\": 10", "\"d_sae\": \"10\"", {"d_sae", "whole number"});
  refused("saelens_standard", "\"d_sae\": 10", "\"d_sae\": 12", {"(6, 10)", "(6, 12)"});
  refused("saelens_standard", "\"d_in\": 6", "\"d_in\": 18446744073709551615", {"(6, 10)"});
  refused("saelens_topk", "\"k\": 3", "\"l\": 3", {"\"k\""});
  refused("saelens_topk", "\"k\": 3", "\"k\": 0", {"k", "between 1 and its 10"});
  refused("saelens_topk", "\"k\": 3", "\"k\": 11", {"k", "between 1 and its 10"});
  refused("saelens_finetuned", "\"finetuning_scaling_factor\": true", "\"finetuning_scaling_factor\": false",
          {"scaling_factor"});
  refused("saelens_legacy", "\"hook_point_layer\": 8,", "", {"layer"});
}

TEST_CASE("load_saelens: a missing, misshapen, unknown or broken tensor is refused by its name") {
  const scratch here;
  std::vector<float> values(10, 0.5f);
  const auto refused = [&](const char* name, const qfa::tensor_to_write& with,
                           std::initializer_list<std::string_view> parts) {
    const auto at = copy_of(name, here);
    replace_tensor(at, with);
    check_refused([&] { qfa::load_saelens(at); }, parts);
    check_refused([&] { qfa::load_saelens(at); }, {name, with.name});
    std::filesystem::remove_all(at);
  };
  for (const char* tensor : {"W_enc", "W_dec", "b_enc", "b_dec", "threshold"})
    refused("saelens_jumprelu", {.name = tensor}, {"no tensor"});
  for (const char* tensor : {"b_gate", "r_mag", "b_mag"})
    refused("saelens_gated", {.name = tensor}, {"no tensor"});
  refused("saelens_standard", qfa::as_tensor<float>("b_enc", {5, 2}, values), {"(5, 2)", "(10)"});
  refused("saelens_standard", qfa::as_tensor<float>("b_dec", {10}, values), {"(10)", "(6)"});
  refused("saelens_standard", qfa::as_tensor<float>("W_surprise", {10}, values), {"no place"});
  values[7] = std::numeric_limits<float>::quiet_NaN();
  refused("saelens_standard", qfa::as_tensor<float>("b_enc", {10}, values), {"NaN"});
  values[7] = std::numeric_limits<float>::infinity();
  refused("saelens_jumprelu", qfa::as_tensor<float>("threshold", {10}, values), {"infinite"});
  refused("saelens_standard", {"b_enc", qfa::dtype::f8_e4m3, {10}, std::as_bytes(std::span(values)).first(10)},
          {"F8_E4M3"});
}

TEST_CASE("load_saelens: a missing file, a broken scale and a truncated file are refused by name") {
  const scratch here;
  const auto at = copy_of("saelens_checkpoint", here);
  for (const char* scale : {"0.0", "-1.0"}) {
    here.write("saelens_checkpoint/activation_scaler.json", std::string("{\"scaling_factor\": ") + scale + "}");
    check_refused([&] { qfa::load_saelens(at); }, {"scale", "saelens_checkpoint"});
  }
  const std::string bytes = qfa_test::slurp(at / "sae_weights.safetensors");
  here.write("saelens_checkpoint/sae_weights.safetensors", bytes.substr(0, bytes.size() - 1));
  check_refused([&] { qfa::load_saelens(at); }, {"sae_weights.safetensors"});
  std::filesystem::remove(at / "sae_weights.safetensors");
  check_refused([&] { qfa::load_saelens(at); }, {"no file", "sae_weights.safetensors"});
  std::filesystem::remove(at / "cfg.json");
  check_refused([&] { qfa::load_saelens(at); }, {"no file", "cfg.json"});
}

}  // namespace sae_load_saelens_test

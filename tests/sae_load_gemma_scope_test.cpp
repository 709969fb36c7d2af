// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_gemma_scope.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#ifdef QFA_HAS_NPZ
#include "qfa/io/npz.hpp"
#endif
#include "qfa/io/safetensors_writer.hpp"
#include "sae_formats.hpp"

namespace sae_load_gemma_scope_test {

using qfa_test::check_refused;
using qfa_test::copy_of;
using qfa_test::replace_in;
using qfa_test::sae_formats;
using qfa_test::scratch;

namespace {

/// Arrays such as an archive of Gemma Scope 1 holds.
std::map<std::string, qfa::npy_array> arrays() {
  std::map<std::string, qfa::npy_array> out;
  const auto put = [&](const char* name, std::vector<std::size_t> shape) {
    const std::size_t count = qfa::element_count(shape).value();
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(i + 1);
    const auto bytes = std::as_bytes(std::span(values));
    out[name] = {qfa::dtype::f32, std::move(shape), {bytes.begin(), bytes.end()}};
  };
  put("W_enc", {2, 3});
  put("W_dec", {3, 2});
  put("b_enc", {3});
  put("b_dec", {2});
  put("threshold", {3});
  return out;
}

}  // namespace

#ifdef QFA_HAS_NPZ
TEST_CASE("gemma_scope_sae: published archives encode and decode as their equations say") {
  const auto check = [](const std::string& name, const std::string& path) {
    const auto file = sae_formats / path / "params.npz";
    const qfa::sae s = qfa::gemma_scope_sae(qfa::read_npz(file), file);
    qfa_test::check_expected(s, name);
    return s.metadata;
  };
  const auto res = check("gemma-scope-2b-pt-res", "gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82");
  CHECK(res.hook == "blocks.12.hook_resid_post");
  CHECK(res.model_name == "gemma-2-2b");
  CHECK(res.prepend_bos == true);
  CHECK(res.context == 1024);
  CHECK(res.format == "gemma_scope");
  CHECK(res.notes.empty());
  const auto att = check("gemma-scope-9b-it-att", "gemma-scope-9b-it-att/layer_7/width_16k/average_l0_30");
  CHECK(att.hook == "blocks.7.attn.hook_z");
  CHECK(att.model_name == "gemma-2-9b-it");
  const auto embedding =
      check("gemma-scope-2b-pt-res-embedding", "gemma-scope-2b-pt-res/embedding/width_4k/average_l0_6");
  CHECK(embedding.hook == "hook_embed");
}
#endif

TEST_CASE("gemma_scope_sae: layouts, b_dec and strict thresholds as declared") {
  const qfa::sae s = qfa::gemma_scope_sae(arrays(), "layer_3/params.npz");
  CHECK(s.activation == qfa::activation_kind::jump_relu);
  CHECK(!s.apply_b_dec_to_input);
  CHECK(s.d_in == 2);
  CHECK(s.d_sae == 3);
  CHECK(s.w_enc == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(s.w_dec == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(s.threshold == std::vector<float>{1, 2, 3});
  CHECK(s.metadata.hook == "blocks.3.hook_resid_post");
  REQUIRE(s.metadata.notes.size() == 1);  // the path does not say that it is the residual stream
  CHECK(!qfa::gemma_scope_sae(arrays(), "params.npz").metadata.hook);
}

TEST_CASE("gemma_scope_sae: an embedding's SAE reads inputs divided by sqrt(d_in), and writes as many times more") {
  const qfa::sae s = qfa::gemma_scope_sae(arrays(), "gemma-scope-2b-pt-res-embedding/embedding/width_4k/params.npz");
  CHECK(s.metadata.hook == "hook_embed");
  REQUIRE(s.w_enc.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(s.w_enc[i] == doctest::Approx(static_cast<double>(i + 1) / 1.4142135623730951));
    CHECK(s.w_dec[i] == doctest::Approx(static_cast<double>(i + 1) * 1.4142135623730951));
  }
  CHECK(s.b_enc == std::vector<float>{1, 2, 3});
  CHECK(s.b_dec == std::vector<float>{1, 2});
}

TEST_CASE("gemma_scope_sae: missing, misshapen and unknown arrays are refused by name") {
  const auto refused = [](auto spoil, std::initializer_list<std::string_view> parts) {
    auto spoiled = arrays();
    spoil(spoiled);
    check_refused([&] { qfa::gemma_scope_sae(spoiled, "x/params.npz"); }, parts);
    check_refused([&] { qfa::gemma_scope_sae(spoiled, "x/params.npz"); }, {"x/params.npz"});
  };
  for (const char* name : {"W_enc", "W_dec", "b_enc", "b_dec", "threshold"})
    refused([&](auto& all) { all.erase(name); }, {name});
  refused([](auto& all) { all["b_enc"].shape = {3, 1}; }, {"b_enc", "(3, 1)"});
  refused([](auto& all) { all["W_enc"].shape = {6}; }, {"W_enc", "(6)", "(2, 3)"});
  refused([](auto& all) { all["threshold"] = all["b_dec"]; }, {"threshold", "(2)", "(3)"});
  refused([](auto& all) { all["w_skip"] = all["b_dec"]; }, {"w_skip"});
  check_refused([] { qfa::gemma_scope_sae(arrays(), "gemma-scope-2b-pt-transcoders/layer_1/params.npz"); },
                {"transcoder", "params.npz"});
}

TEST_CASE("load_gemma_scope_2: published directories encode and decode as their equations say") {
  for (const char* name : {"layer_17_width_16k_l0_small", "layer_17_width_square"}) {
    const qfa::sae s = qfa::load_gemma_scope_2(sae_formats / name);
    qfa_test::check_expected(s, name);
    CHECK(s.metadata.hook == "blocks.17.hook_resid_post");
    CHECK(s.metadata.model_name == "google/gemma-3-1b-pt");
    CHECK(s.metadata.format == "gemma_scope_2");
    CHECK(s.metadata.prepend_bos == true);
  }
}

TEST_CASE("load_gemma_scope_2: what is no SAE of one place is refused by its name") {
  const auto refused = [](const char* then, const char* now, std::initializer_list<std::string_view> parts) {
    const scratch here;
    const auto at = copy_of("layer_17_width_16k_l0_small", here);
    replace_in(at / "config.json", then, now);
    check_refused([&] { qfa::load_gemma_scope_2(at); }, parts);
    check_refused([&] { qfa::load_gemma_scope_2(at); }, {"config.json"});
  };
  refused("\"sae\"", "\"transcoder\"", {"transcoder"});
  refused("\"sae\"", "\"clt\"", {"clt"});
  refused("jump_relu", "topk", {"topk", "jump_relu"});
  refused("\"affine_connection\": false", "\"affine_connection\": true", {"affine"});
  refused("\"width\": 10", "\"width\": 16384", {"b_enc", "10", "16384"});
}

TEST_CASE("load_gemma_scope_2: an affine connection is refused where only its tensor tells") {
  const scratch here;
  const auto at = copy_of("layer_17_width_16k_l0_small", here);
  const qfa::safetensors old(at / "params.safetensors", {.access = qfa::file_access::read});
  std::vector<qfa::tensor_to_write> tensors;
  std::deque<std::vector<std::byte>> kept;  // what they view
  for (const qfa::stored_tensor& tensor : old.tensors())
    tensors.push_back({tensor.name, tensor.type, tensor.shape, kept.emplace_back(tensor.bytes.read())});
  const std::vector<float> skip(36);
  tensors.push_back(qfa::as_tensor<float>("affine_skip_connection", {6, 6}, skip));
  qfa::write_safetensors(at / "params.safetensors", tensors);
  check_refused([&] { qfa::load_gemma_scope_2(at); }, {"affine_skip_connection", "params.safetensors"});
}

}  // namespace sae_load_gemma_scope_test

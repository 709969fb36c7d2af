// SPDX-License-Identifier: Apache-2.0
// Real SAEs and real configuration files of SAEs.
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "oracle.hpp"
#include "qfa/io/json.hpp"
#include "qfa/io/safetensors_writer.hpp"
#include "qfa/sae/load.hpp"
#include "scratch.hpp"

namespace sae_files_test {

using qfa_test::check_refused;
using qfa_test::oracle_data;
using qfa_test::scratch;

namespace {

/// A published configuration beside weights of our own, its widths brought down to 4 inputs and 128 features.
class small_copy {
 public:
  explicit small_copy(const std::string& name)
      : config_(qfa::read_json(oracle_data() / "sae_cfg_examples" / name)), values_(512, 0.25f) {}

  void set(const char* key, std::size_t n) { config_[key] = n; }
  void set_in_trainer(const char* key, std::size_t n) { config_["trainer"][key] = n; }
  void add(const char* name, std::vector<std::size_t> shape) {
    const std::size_t count = qfa::element_count(shape).value();
    tensors_.push_back(qfa::as_tensor<float>(name, std::move(shape), std::span(values_).first(count)));
  }
  qfa::sae load(const char* config, const char* weights) const {
    const scratch here;
    here.write(config, config_.dump());
    qfa::write_safetensors(here.path() / weights, tensors_);
    return qfa::load_sae(here.path());
  }

 private:
  qfa::json config_;
  std::vector<float> values_;
  std::vector<qfa::tensor_to_write> tensors_;
};

qfa::sae load_saelens_example(const std::string& name, std::vector<const char*> more = {}) {
  small_copy copy(name);
  copy.set("d_in", 4);
  copy.set("d_sae", 128);
  copy.add("W_enc", {4, 128});
  copy.add("W_dec", {128, 4});
  copy.add("b_enc", {128});
  copy.add("b_dec", {4});
  for (const char* tensor : more)
    copy.add(tensor, {std::string(tensor) == "threshold" ? 128U : 4U});
  return copy.load("cfg.json", "sae_weights.safetensors");
}

qfa::sae load_sparsify_example(const std::string& name) {
  small_copy copy(name);
  copy.set("d_in", 4);
  copy.set("num_latents", 0);
  copy.set("expansion_factor", 32);
  copy.add("encoder.weight", {128, 4});
  copy.add("W_dec", {128, 4});
  copy.add("encoder.bias", {128});
  copy.add("b_dec", {4});
  return copy.load("cfg.json", "sae.safetensors");
}

qfa::sae load_dictionary_example(const std::string& name) {
  small_copy copy(name);
  copy.set_in_trainer("activation_dim", 4);
  copy.set_in_trainer("dict_size", 128);
  copy.add("encoder.weight", {128, 4});
  copy.add("decoder.weight", {4, 128});
  copy.add("encoder.bias", {128});
  copy.add("b_dec", {4});
  copy.add("threshold", {});
  return copy.load("config.json", "ae.safetensors");
}

}  // namespace

TEST_CASE("load_sae: the trained SAEs of stories260K have the kinds and widths that were trained") {
  const auto at = oracle_data() / "stories260K";
  const qfa::sae relu = qfa::load_sae(at / "sae_l2_standard");
  CHECK(relu.activation == qfa::activation_kind::relu);
  CHECK(relu.d_in == 64);
  CHECK(relu.d_sae == 768);
  CHECK(relu.metadata.hook == "blocks.2.hook_resid_post");
  CHECK(relu.metadata.prepend_bos == false);
  CHECK(relu.metadata.context == 256);
  const qfa::sae jump = qfa::load_sae(at / "sae_l2_jumprelu");
  CHECK(jump.activation == qfa::activation_kind::jump_relu);
  CHECK(jump.d_sae == 1024);
  const qfa::sae top = qfa::load_sae(at / "sae_l3_topk");
  CHECK(top.activation == qfa::activation_kind::top_k);
  CHECK(top.k == 16);
  CHECK(top.metadata.hook == "blocks.3.hook_resid_post");
}

TEST_CASE("load_sae: published configurations of SAELens are understood in every generation") {
  const qfa::sae v3 =
      load_saelens_example("saelens_v3_standard__JaehaL_SAEonPolynomial_blocks.1.hook_mlp_out.cfg.json");
  CHECK(v3.metadata.hook == "blocks.1.hook_mlp_out");
  CHECK(!v3.apply_b_dec_to_input);
  CHECK(v3.metadata.transformer_lens_default == false);
  const qfa::sae torch =
      load_saelens_example("saelens_v3_torchdtype__SebastianZw_sae-lens-upload-demo_blocks.1.hook_resid_pre.cfg.json");
  CHECK(torch.metadata.hook == "blocks.1.hook_resid_pre");
  CHECK(torch.metadata.dtype == "float32");
  CHECK(!torch.metadata.transformer_lens_default);
  const qfa::sae v5 =
      load_saelens_example("saelens_v5_standard__michellewmlo_layer-6-mlp-hidden_blocks.6.mlp.hook_post.cfg.json");
  CHECK(v5.metadata.hook == "blocks.6.mlp.hook_post");
  const qfa::sae v6 =
      load_saelens_example("saelens_v6_jumprelu__suchitg_selfconsuming-saes_gen_001_blocks.22.cfg.json", {"threshold"});
  CHECK(v6.activation == qfa::activation_kind::jump_relu);
  CHECK(v6.metadata.hook == "blocks.22.hook_resid_post");
  CHECK(v6.metadata.context == 1024);
}

TEST_CASE("load_sae: a published transcoder is refused as one") {
  check_refused(
      [] {
        load_saelens_example("saelens_transcoder__callummcdougall_arena-demos_gpt2-small-layer-8-mlp.cfg.json",
                             {"b_dec_out"});
      },
      {"transcoder", "sae_weights.safetensors"});
}

TEST_CASE("load_sae: published configurations of sparsify are understood") {
  for (const char* name : {"sparsify__EleutherAI_sae-llama-3.1-8b-64x_layers.29.mlp.cfg.json",
                           "sparsify__EleutherAI_sae_overlap_k32-sae-4k_layers.6.cfg.json"})
    CHECK(load_sparsify_example(name).k == 32);
  CHECK(load_sparsify_example("sparsify__EleutherAI_sae-pythia-70m-32k_layers.0.mlp.cfg.json").k == 16);
}

TEST_CASE("load_sae: published configurations of dictionary_learning are understood, the crosscoder's refused") {
  const qfa::sae top = load_dictionary_example(
      "dictionary_learning_topk__canrager_saebench_gemma-2-2b_resid_post_layer_12_trainer_0.config.json");
  CHECK(top.activation == qfa::activation_kind::top_k);
  CHECK(top.k == 20);
  CHECK(top.metadata.hook == "blocks.12.hook_resid_post");
  CHECK(top.metadata.context == 128);
  const qfa::sae difference =
      load_dictionary_example("dictionary_learning_topk__jacobcd52_insecure_diff_trainer_0.config.json");
  CHECK(difference.k == 128);
  CHECK(!difference.metadata.hook);
  const qfa::sae batch = load_dictionary_example("dictionary_learning_batchtopk__sgovil5_batchtopksae.config.json");
  CHECK(batch.activation == qfa::activation_kind::jump_relu);
  CHECK(batch.threshold == std::vector<float>(128, 0.25f));
  CHECK(batch.metadata.hook == "blocks.3.hook_resid_post");
  check_refused(
      [] {
        load_dictionary_example(
            "dictionary_learning_crosscoder__Marmik_crosscoder-tinymoe-tinygpt-27M.trainer_config.json");
      },
      {"CrossCoder", "config.json"});
}

}  // namespace sae_files_test

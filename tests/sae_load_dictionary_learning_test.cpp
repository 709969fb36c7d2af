// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_dictionary_learning.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sae_formats.hpp"

namespace sae_load_dictionary_learning_test {

using qfa_test::check_refused;
using qfa_test::copy_of;
using qfa_test::replace_in;
using qfa_test::sae_formats;
using qfa_test::scratch;

namespace {

qfa::sae load(const char* name) { return qfa::load_dictionary_learning(sae_formats / name); }

}  // namespace

TEST_CASE("load_dictionary_learning: every class encodes and decodes as its library does") {
  for (const char* name : {"dl_autoencoder", "dl_autoencoder_square", "dl_autoencoder_new", "dl_gated", "dl_jumprelu",
                           "dl_topk", "dl_batchtopk", "dl_batchtopk_unset", "dl_matryoshka"})
    qfa_test::check_expected(load(name), name);
}

TEST_CASE("load_dictionary_learning: the class decides the kind and whether b_dec is subtracted") {
  CHECK(load("dl_autoencoder").activation == qfa::activation_kind::relu);
  CHECK(load("dl_autoencoder").apply_b_dec_to_input);
  CHECK(!load("dl_autoencoder_new").apply_b_dec_to_input);
  CHECK(load("dl_gated").activation == qfa::activation_kind::gated);
  CHECK(!load("dl_jumprelu").apply_b_dec_to_input);
  CHECK(load("dl_topk").k == 3);
  CHECK(load("dl_batchtopk").activation == qfa::activation_kind::jump_relu);
  CHECK(load("dl_matryoshka").activation == qfa::activation_kind::jump_relu);
}

TEST_CASE("load_dictionary_learning: a threshold that was never set makes a ReLU, and the SAE says so") {
  const qfa::sae s = load("dl_batchtopk_unset");
  CHECK(s.activation == qfa::activation_kind::relu);
  REQUIRE(s.metadata.notes.size() == 1);
  CHECK(qfa_test::contains(s.metadata.notes.front(), "dl_batchtopk_unset"));
  CHECK(load("dl_batchtopk").metadata.notes.empty());
}

TEST_CASE("load_dictionary_learning: a threshold of 0 was set, to 0") {
  const scratch here;
  const auto at = copy_of("dl_batchtopk", here);
  std::fstream file(at / "ae.safetensors", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(-4, std::ios::end);  // the threshold, which ends the file
  file.write("\0\0\0\0", 4);
  file.close();
  const qfa::sae s = qfa::load_dictionary_learning(at);
  CHECK(s.activation == qfa::activation_kind::jump_relu);
  CHECK(s.threshold == std::vector<float>(10, 0.0f));
  CHECK(s.metadata.notes.empty());
}

TEST_CASE("load_dictionary_learning: metadata come from trainer and buffer") {
  const qfa::sae_metadata m = load("dl_topk").metadata;
  CHECK(m.format == "dictionary_learning");
  CHECK(m.model_name == "google/gemma-2-2b");
  CHECK(m.hook == "blocks.12.hook_resid_post");
  CHECK(m.context == 128);
  CHECK(!m.prepend_bos);
}

TEST_CASE("load_dictionary_learning: the published configurations of other kinds are refused by their class") {
  const auto refused = [](const char* name, const char* then, const char* now,
                          std::initializer_list<std::string_view> parts) {
    const scratch here;
    const auto at = copy_of(name, here);
    replace_in(at / "config.json", then, now);
    check_refused([&] { qfa::load_dictionary_learning(at); }, parts);
    check_refused([&] { qfa::load_dictionary_learning(at); }, {name});
  };
  refused("dl_topk", "AutoEncoderTopK", "CrossCoder", {"CrossCoder", "BatchTopKSAE"});
  refused("dl_topk", "AutoEncoderTopK", "IdentityDict", {"IdentityDict"});
  refused("dl_topk", "\"dict_class\"", "\"class\"", {"dict_class"});
  refused("dl_topk", "\"trainer\"", "\"training\"", {"trainer"});
  refused("dl_topk", "\"k\": 3", "\"k\": 4", {"k is 3", "4"});
  refused("dl_topk", "\"dict_size\": 10", "\"dict_size\": 12", {"encoder.weight", "(10, 6)", "(12, 6)"});
  refused("dl_topk", "AutoEncoderTopK", "AutoEncoder", {"b_dec"});              // other tensors than it has
  refused("dl_autoencoder", "AutoEncoder", "AutoEncoderNew", {"\"bias\""});     // likewise
  refused("dl_autoencoder", "AutoEncoder", "BatchTopKSAE", {"\"bias\""});       // likewise
  refused("dl_jumprelu", "JumpReluAutoEncoder", "AutoEncoder", {"\"W_dec\""});  // likewise
}

TEST_CASE("load_dictionary_learning: the one safetensors file of another name will do, a pickle will not") {
  const scratch here;
  const auto at = copy_of("dl_gated", here);
  std::filesystem::rename(at / "ae.safetensors", at / "model.safetensors");
  qfa_test::check_expected(qfa::load_dictionary_learning(at), "dl_gated");
  std::filesystem::copy(at / "model.safetensors", at / "other.safetensors");
  check_refused([&] { qfa::load_dictionary_learning(at); }, {"ae.safetensors", "dl_gated"});
  std::filesystem::remove(at / "model.safetensors");
  std::filesystem::rename(at / "other.safetensors", at / "ae.pt");
  check_refused([&] { qfa::load_dictionary_learning(at); }, {"ae.pt", "pickle"});
}

}  // namespace sae_load_dictionary_learning_test

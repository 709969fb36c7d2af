// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "sae_formats.hpp"

namespace sae_load_test {

using qfa_test::check_refused;
using qfa_test::copy_of;
using qfa_test::sae_formats;
using qfa_test::scratch;

TEST_CASE("load_sae: the files of a directory decide the format, and any of them leads to it") {
  const auto check = [](const std::string& directory, const char* file, const char* format) {
    const qfa::sae s = qfa::load_sae(sae_formats / directory);
    qfa_test::check_expected(s, directory);
    CHECK(s.metadata.format == format);
    qfa_test::check_expected(qfa::load_sae(sae_formats / directory / file), directory);
  };
  check("saelens_gated", "sae_weights.safetensors", "saelens");
  check("saelens_gated", "cfg.json", "saelens");
  check("layers.20.mlp", "sae.safetensors", "sparsify");
  check("dl_topk", "config.json", "dictionary_learning");
  check("layer_17_width_16k_l0_small", "params.safetensors", "gemma_scope_2");
}

#ifdef QFA_HAS_NPZ
TEST_CASE("load_sae: an archive of Gemma Scope is found in its directory, and under any name by itself") {
  const auto at = sae_formats / "gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82";
  qfa_test::check_expected(qfa::load_sae(at), "gemma-scope-2b-pt-res");
  CHECK(qfa::load_sae(at).metadata.hook == "blocks.12.hook_resid_post");
  const scratch here;
  std::filesystem::copy(at / "params.npz", here.path() / "mine.npz");
  qfa_test::check_expected(qfa::load_sae(here.path() / "mine.npz"), "gemma-scope-2b-pt-res");
}
#endif

TEST_CASE("load_sae: nothing there, nothing known and half an SAE are refused with what was expected") {
  const scratch here;
  check_refused([&] { qfa::load_sae(here.path() / "none"); }, {"no SAE", "none"});
  check_refused([&] { qfa::load_sae(here.path()); }, {"no SAE", here.path().filename().string(), "cfg.json"});
  here.write("hyperparams.json", "{}");
  check_refused([&] { qfa::load_sae(here.path()); }, {"Llama Scope"});
  here.write("config.json", R"({"model_type": "llama"})");
  here.write("model.safetensors", "");
  std::filesystem::remove(here.path() / "hyperparams.json");
  check_refused([&] { qfa::load_sae(here.path()); }, {"no SAE"});
  here.write("config.json", "{");
  check_refused([&] { qfa::load_sae(here.path()); }, {"config.json", "not valid JSON"});
  here.write("cfg.json", "{}");
  check_refused([&] { qfa::load_sae(here.path()); }, {"cfg.json", "sae_weights.safetensors", "sae.safetensors"});
}

TEST_CASE("load_sae: cut anywhere or changed anywhere, an SAE reads or is refused") {
  const auto torment = [](const std::string& directory, const std::string& file) {
    const scratch here;
    const auto at = copy_of(directory, here);
    const std::size_t taken = qfa_test::torment(qfa_test::slurp(at / file), 1000, [&](const std::string& bytes) {
      here.write(std::filesystem::path(directory) / file, bytes);
      const qfa::sae s = qfa::load_sae(at);
      qfa::validate(s, "here");
    });
    CHECK(taken > 5);
    CHECK(taken < 1000);
  };
  torment("saelens_jumprelu", "cfg.json");
  torment("saelens_jumprelu", "sae_weights.safetensors");
  torment("dl_matryoshka", "config.json");
  torment("dl_matryoshka", "ae.safetensors");
}

}  // namespace sae_load_test

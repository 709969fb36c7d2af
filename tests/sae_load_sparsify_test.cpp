// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/load_sparsify.hpp"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "sae_formats.hpp"

namespace sae_load_sparsify_test {

using qfa_test::check_refused;
using qfa_test::copy_of;
using qfa_test::replace_in;
using qfa_test::sae_formats;
using qfa_test::scratch;

TEST_CASE("load_sparsify: published directories encode and decode as their library does") {
  for (const char* name : {"layers.20.mlp", "layers.3", "h.1.attn"})
    qfa_test::check_expected(qfa::load_sparsify(sae_formats / name), name);
}

TEST_CASE("load_sparsify: widths, k and hook come from the configuration and the directory") {
  const qfa::sae s = qfa::load_sparsify(sae_formats / "layers.20.mlp");
  CHECK(s.activation == qfa::activation_kind::top_k);
  CHECK(s.k == 3);
  CHECK(s.d_sae == 10);
  CHECK(s.apply_b_dec_to_input);  // normalize_decoder is true, and means nothing here
  CHECK(s.metadata.hook == "blocks.20.hook_mlp_out");
  CHECK(s.metadata.format == "sparsify");
  const qfa::sae expanded = qfa::load_sparsify(sae_formats / "layers.3");
  CHECK(expanded.d_sae == 12);  // num_latents 0: expansion_factor times d_in
  CHECK(expanded.metadata.hook == "blocks.3.hook_resid_post");
  CHECK(!qfa::load_sparsify(sae_formats / "h.1.attn").metadata.hook);
}

TEST_CASE("load_sparsify: what is no plain top-k SAE is refused by its name") {
  const auto refused = [](const char* then, const char* now, std::initializer_list<std::string_view> parts) {
    const scratch here;
    const auto at = copy_of("h.1.attn", here);
    replace_in(at / "cfg.json", then, now);
    check_refused([&] { qfa::load_sparsify(at); }, parts);
    check_refused([&] { qfa::load_sparsify(at); }, {"h.1.attn"});
  };
  refused("\"transcode\": false", "\"transcode\": true", {"transcoder"});
  refused("\"skip_connection\": false", "\"skip_connection\": true", {"skip connection"});
  refused("\"activation\": \"topk\"", "\"activation\": \"groupmax\"", {"groupmax", "topk"});
  refused("\"k\": 2", "\"k\": 2, \"signed\": true", {"signed"});
  refused("\"k\": 2", "\"k\": 7", {"between 1 and its 6"});
  refused("\"k\": 2", "\"k\": 0", {"between 1 and its 6"});
  refused("\"d_in\": 6", "\"d_in\": 7", {"encoder.weight", "(6, 6)", "(6, 7)"});
  refused("\"d_in\": 6", "\"d\": 6", {"d_in"});
  refused("\"num_latents\": 6", "\"num_latents\": 0", {"encoder.weight", "(192, 6)"});
  refused("\"num_latents\": 6", "\"num_latents\": 0, \"expansion_factor\": 9223372036854775808", {"counted"});
}

}  // namespace sae_load_sparsify_test

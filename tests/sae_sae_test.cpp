// SPDX-License-Identifier: Apache-2.0
#include "qfa/sae/sae.hpp"

#include <cstddef>
#include <set>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace sae_sae_test {

TEST_CASE("activation_kind and input_norm: every value has a name of its own") {
  CHECK(static_cast<std::size_t>(qfa::activation_kind::gated) + 1 == qfa::activation_names.size());
  CHECK(static_cast<std::size_t>(qfa::input_norm::layer_norm) + 1 == qfa::input_norm_names.size());
  CHECK(std::set<std::string_view>(qfa::activation_names.begin(), qfa::activation_names.end()).size() == 4);
  CHECK(std::set<std::string_view>(qfa::input_norm_names.begin(), qfa::input_norm_names.end()).size() == 3);
  CHECK(qfa::activation_names[static_cast<std::size_t>(qfa::activation_kind::jump_relu)] == "jump_relu");
  CHECK(qfa::activation_names[static_cast<std::size_t>(qfa::activation_kind::top_k)] == "top_k");
  CHECK(qfa::input_norm_names[static_cast<std::size_t>(qfa::input_norm::layer_norm)] == "layer_norm");
}

TEST_CASE("sae: nothing is known of an SAE that was read from no file") {
  const qfa::sae s;
  CHECK(s.activation == qfa::activation_kind::relu);
  CHECK(s.norm == qfa::input_norm::none);
  CHECK(s.apply_b_dec_to_input);
  CHECK(!s.metadata.hook);
  CHECK(!s.metadata.prepend_bos);
  CHECK(!s.metadata.transformer_lens_default);
  CHECK(s.metadata.notes.empty());
}

TEST_CASE("decoder_norms: the length of each feature's row") {
  qfa::sae s;
  s.d_in = 2;
  s.d_sae = 3;
  s.w_dec = {3.0f, -4.0f, 0.0f, 1.0f, 0.0f, 0.0f};
  CHECK(qfa::decoder_norms(s) == std::vector<float>{5.0f, 1.0f, 0.0f});
}

}  // namespace sae_sae_test

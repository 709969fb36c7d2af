// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/ggml_mix.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_ggml_mix_test {

using qfa::ggml_mix;
using qfa::ggml_mixture;
using qfa::ggml_type;
using qfa::tensor_info;
using qfa::tensor_role;
using qfa_test::check_refused;

namespace {

/// The types of a role over all layers of a model, a letter for each: 4, 5 or 6 bits.
std::string types(ggml_mixture mix, tensor_role role, std::size_t layers, std::size_t heads = 0,
                  const std::string& name = "x") {
  std::string out;
  for (std::size_t l = 0; l < layers; ++l) {
    const ggml_type type = ggml_mix{mix}.type_of(
        {.name = name, .layer = l, .role = role, .heads = heads, .head_dim = 0, .layers = layers});
    out += type == ggml_type::q4_K ? '4' : type == ggml_type::q5_K ? '5' : type == ggml_type::q6_K ? '6' : '?';
  }
  return out;
}

}  // namespace

TEST_CASE("ggml_mix: where values and down projections get more bits") {
  // Of 32 layers: 0 to 3, every third from 6 on, and 28 to 31.
  const std::string more32 = "66664464464464464464464464466666";
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::value, 32) == more32);
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::down, 32) == more32);
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::down, 10) == "6446446466");
  CHECK(types(ggml_mixture::q4_k_s, tensor_role::value, 32) == "5555" + std::string(28, '4'));
  CHECK(types(ggml_mixture::q4_k_s, tensor_role::value, 16) == "5555" + std::string(12, '4'));  // four, not an eighth
  CHECK(types(ggml_mixture::q4_k_s, tensor_role::down, 16) == "55" + std::string(14, '4'));
  CHECK(types(ggml_mixture::q4_k_s, tensor_role::down, 7) == std::string(7, '4'));
  std::string five = more32;
  for (char& c : five)
    c = c == '4' ? '5' : c;
  CHECK(types(ggml_mixture::q5_k_m, tensor_role::value, 32) == five);
  CHECK(types(ggml_mixture::q5_k_m, tensor_role::down, 32) == five);
}

TEST_CASE("ggml_mix: all others keep the mixture's own type") {
  for (const tensor_role role : {tensor_role::query, tensor_role::key, tensor_role::attention_out, tensor_role::gate,
                                 tensor_role::up, tensor_role::other}) {
    CHECK(types(ggml_mixture::q4_k_m, role, 4) == "4444");
    CHECK(types(ggml_mixture::q4_k_s, role, 4) == "4444");
    CHECK(types(ggml_mixture::q5_k_m, role, 4) == "5555");
  }
}

TEST_CASE("ggml_mix: the unembedding gets six bits, the embedding only where it is the same") {
  for (const auto mix : {ggml_mixture::q4_k_m, ggml_mixture::q4_k_s, ggml_mixture::q5_k_m}) {
    const ggml_type most = mix == ggml_mixture::q5_k_m ? ggml_type::q5_K : ggml_type::q4_K;
    for (const char* name : {"lm_head.weight", "embed_out.weight"})
      CHECK(ggml_mix{mix}.type_of({.name = name, .layers = 9}) == ggml_type::q6_K);
    for (const char* name : {"model.embed_tokens.weight", "gpt_neox.embed_in.weight"}) {
      CHECK(ggml_mix{mix}.type_of({.name = name, .layers = 9}) == most);
      CHECK(ggml_mix{mix, true}.type_of({.name = name, .layers = 9}) == ggml_type::q6_K);
    }
  }
}

TEST_CASE("ggml_mix: fused q, k and v have one type, in parts and as a whole") {
  for (const std::string name : {"a.query_key_value.weight#v", "a.qkv_proj.weight#v"}) {
    CHECK(types(ggml_mixture::q4_k_m, tensor_role::value, 4, 0, name) == "5555");
    CHECK(types(ggml_mixture::q4_k_s, tensor_role::value, 4, 0, name) == "4444");
    CHECK(types(ggml_mixture::q5_k_m, tensor_role::value, 4, 0, name) == "6666");
  }
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::query, 2, 0, "a.qkv_proj.weight#q") == "55");
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::other, 2, 0, "a.query_key_value.weight") == "55");
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::up, 2, 0, "a.gate_up_proj.weight#up") == "44");
}

TEST_CASE("ggml_mix: 80 layers with 8 value heads are a 70B, whose values have five bits at least") {
  const std::string plain = types(ggml_mixture::q4_k_m, tensor_role::value, 80, 64);
  std::string grouped = plain;
  for (char& c : grouped)
    c = c == '4' ? '5' : c;
  CHECK(plain != grouped);
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::value, 80, 8) == grouped);
  CHECK(types(ggml_mixture::q4_k_m, tensor_role::down, 80, 8) == plain);
}

TEST_CASE("ggml_mix: weights and bits are those of the chosen type") {
  const qfa_test::matrix x = qfa_test::random_matrix(2, 256);
  const tensor_info down{.name = "d", .layer = 0, .role = tensor_role::down, .heads = 0, .head_dim = 0, .layers = 8};
  CHECK(qfa_test::same_bits(qfa_test::compressed(x, ggml_mix{}, down).values,
                            qfa_test::compressed(x, qfa::ggml_quantizer{ggml_type::q6_K}).values));
  CHECK(ggml_mix{}.stored_bits(2, 256, down) == 6.5625 * 512);
  CHECK(ggml_mix{}.stored_bits(2, 96, down) == 8.5 * 192);
}

TEST_CASE("ggml_mix: without the number of layers, or with a layer beyond it, nothing is chosen") {
  qfa_test::matrix x = qfa_test::random_matrix(2, 256);
  const auto before = x.values;
  check_refused([&] { ggml_mix{}(x.view(), {.name = "up_proj"}); }, {"up_proj", "how many layers"});
  check_refused([&] { ggml_mix{}(x.view(), {.name = "up_proj", .layer = 4, .layers = 4}); },
                {"up_proj", "layer 4 of 4"});
  CHECK(x.values == before);
}

TEST_CASE("ggml_mix: spec strings") {
  CHECK(ggml_mix{}.name() == "ggml_mix:mix=q4_k_m");
  CHECK(ggml_mix{ggml_mixture::q5_k_m, true}.name() == "ggml_mix:mix=q5_k_m,tied=true");
}

}  // namespace compress_ggml_mix_test

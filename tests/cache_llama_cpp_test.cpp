// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/llama_cpp.hpp"

#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"
#include "qfa/cache/head_rotation.hpp"

namespace cache_llama_cpp_test {

using qfa::cache_side;
using qfa::ggml_type;
using qfa::llama_cpp_cache;
using qfa::llama_cpp_hadamard;
using qfa_test::check_refused;
using qfa_test::oracle_heads;

namespace {

constexpr ggml_type quantized[] = {ggml_type::q8_0, ggml_type::q5_0, ggml_type::q5_1,
                                   ggml_type::q4_0, ggml_type::q4_1, ggml_type::iq4_nl};

llama_cpp_cache both(ggml_type type, llama_cpp_hadamard hadamard) { return {type, type, hadamard}; }

}  // namespace

TEST_CASE("llama_cpp_cache: every type gives numpy's bits, rotated or not") {
  for (const ggml_type type : quantized) {
    const std::string name = "llama." + std::string(qfa::entry_of(type).name);
    qfa_test::check_cache_oracle(both(type, llama_cpp_hadamard::off), name);
    qfa_test::check_cache_oracle(both(type, llama_cpp_hadamard::automatic), name + ".hadamard");
    qfa_test::check_cache_oracle(both(type, llama_cpp_hadamard::on), name + ".hadamard");
  }
  qfa_test::check_cache_oracle(both(ggml_type::q4_0, llama_cpp_hadamard::automatic), "llama.q4_0.hadamard.head128",
                               oracle_heads(128));
}

TEST_CASE("llama_cpp_cache: what is kept of rotated heads is numpy's before it is rotated back") {
  for (const ggml_type type : quantized) {
    qfa_test::cache_content held = qfa_test::oracle_text();
    for (qfa_test::matrix* side : {&held.keys, &held.values}) {
      qfa::fold_rotation({.size = 64}, side->view());
      qfa::through_ggml_blocks(type, side->view(), {});
    }
    qfa_test::check_hashes(held, "llama." + std::string(qfa::entry_of(type).name) + ".hadamard.inside");
  }
}

TEST_CASE("llama_cpp_cache: laws") {
  for (const ggml_type type : quantized)
    qfa_test::check_cache_laws(both(type, llama_cpp_hadamard::automatic), {.layer = 1, .kv_heads = 2, .head_dim = 32});
  qfa_test::check_cache_laws(both(ggml_type::q5_1, llama_cpp_hadamard::on),
                             {.layer = 1, .kv_heads = 1, .head_dim = 64});
  qfa_test::check_cache_laws(both(ggml_type::f16, llama_cpp_hadamard::automatic), {.kv_heads = 3, .head_dim = 5});
}

TEST_CASE("llama_cpp_cache: rotates by itself where a side is quantized and heads are multiples of 64") {
  const auto columns = [](const llama_cpp_cache& policy, std::size_t head_dim) {
    const qfa::cache_info info{.layer = 7, .kv_heads = 1, .head_dim = head_dim};
    return std::pair{policy.rotated_columns(cache_side::keys, info), policy.rotated_columns(cache_side::values, info)};
  };
  const llama_cpp_cache automatic = both(ggml_type::q4_0, llama_cpp_hadamard::automatic);
  CHECK(columns(automatic, 64) == std::pair<std::size_t, std::size_t>{64, 64});
  CHECK(columns(automatic, 128) == std::pair<std::size_t, std::size_t>{128, 64});
  CHECK(columns(automatic, 192) == std::pair<std::size_t, std::size_t>{64, 64});
  CHECK(columns(automatic, 256) == std::pair<std::size_t, std::size_t>{256, 64});
  CHECK(columns(automatic, 96) == std::pair<std::size_t, std::size_t>{0, 0});
  CHECK(columns(llama_cpp_cache{ggml_type::f16, ggml_type::q8_0}, 128) == std::pair<std::size_t, std::size_t>{0, 64});
  CHECK(columns(llama_cpp_cache{ggml_type::q8_0, ggml_type::bf16}, 128) == std::pair<std::size_t, std::size_t>{128, 0});
  CHECK(columns(both(ggml_type::f16, llama_cpp_hadamard::on), 64) == std::pair<std::size_t, std::size_t>{64, 64});
  CHECK(columns(both(ggml_type::q8_0, llama_cpp_hadamard::off), 64) == std::pair<std::size_t, std::size_t>{0, 0});
  check_refused([&] { columns(both(ggml_type::q8_0, llama_cpp_hadamard::on), 96); }, {"64", "96", "layer 7"});
}

TEST_CASE("llama_cpp_cache: bits of an element, scales included") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 64};
  const double numbers = 10.0 * 128.0;
  CHECK(llama_cpp_cache{ggml_type::q8_0, ggml_type::q4_0}.stored_bits(10, info).sum() == numbers * (8.5 + 4.5));
  CHECK(llama_cpp_cache{ggml_type::q5_0, ggml_type::q5_1}.stored_bits(10, info).sum() == numbers * (5.5 + 6.0));
  CHECK(llama_cpp_cache{ggml_type::q4_1, ggml_type::iq4_nl}.stored_bits(10, info).sum() == numbers * (5.0 + 4.5));
  CHECK(llama_cpp_cache{}.stored_bits(10, info).sum() == numbers * 32.0);
}

TEST_CASE("llama_cpp_cache: says what it is, and refuses other types and rows that are no whole blocks") {
  CHECK(llama_cpp_cache{}.name() == "llama_cpp:keys=f16");
  CHECK(both(ggml_type::q8_0, llama_cpp_hadamard::off).name() == "llama_cpp:keys=q8_0,values=q8_0,hadamard=off");
  CHECK(both(ggml_type::q8_0, llama_cpp_hadamard::automatic).name() == "llama_cpp:keys=q8_0,values=q8_0");
  for (const ggml_type type : {ggml_type::q4_K, ggml_type::q6_K, ggml_type::mxfp4, ggml_type::nvfp4})
    check_refused([&] { llama_cpp_cache{.values = type}.validate(); },
                  {"no cache of type", std::string(qfa::entry_of(type).name)});
  const qfa::cache_info info{.layer = 9, .kv_heads = 3, .head_dim = 8};
  qfa_test::cache_content text = qfa_test::random_text(2, info), before = text;
  check_refused(
      [&] { llama_cpp_cache{.values = ggml_type::q8_0}(text.keys.view(), text.values.view(), {.info = info}); },
      {"layer 9", "blocks of 32", "24"});
  CHECK(qfa_test::same_bits(text.keys.values, before.keys.values));
  CHECK(qfa::reads_of(llama_cpp_cache{}) == qfa::attention_reads::stored);
  CHECK(qfa::point_of(llama_cpp_cache{}) == qfa::cache_point::after_rope);
}

}  // namespace cache_llama_cpp_test

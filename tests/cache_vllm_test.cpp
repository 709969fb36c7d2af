// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/vllm.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"
#include "qfa/cache/head_rotation.hpp"

namespace cache_vllm_test {

using qfa::vllm_cache;
using qfa::vllm_cache_type;
using qfa_test::cache_content;
using qfa_test::check_refused;
using qfa_test::oracle_heads;
using qfa_test::same_bits;

namespace {

vllm_cache calibrated(vllm_cache_type type) {
  vllm_cache policy{.type = type, .calibrated = true};
  policy.learn(qfa_test::cache_matrix("calibration.keys").view(), qfa_test::cache_matrix("calibration.values").view(),
               oracle_heads());
  return policy;
}

void multiply(qfa_test::matrix& m, const std::vector<float>& signs) {
  for (std::size_t i = 0; i < m.values.size(); ++i)
    m.values[i] *= signs[i % signs.size()];
}

}  // namespace

TEST_CASE("vllm_cache: every type gives numpy's bits") {
  qfa_test::check_cache_oracle(vllm_cache{vllm_cache_type::fp8_e4m3}, "vllm.fp8_e4m3");
  qfa_test::check_cache_oracle(vllm_cache{vllm_cache_type::fp8_e5m2}, "vllm.fp8_e5m2");
  qfa_test::check_cache_oracle(calibrated(vllm_cache_type::fp8_e4m3), "vllm.fp8_e4m3.calibrated");
  qfa_test::check_cache_oracle(calibrated(vllm_cache_type::fp8_e5m2), "vllm.fp8_e5m2.calibrated");
  qfa_test::check_cache_oracle(calibrated(vllm_cache_type::nvfp4), "modelopt.nvfp4");  // the same rule
  qfa_test::check_cache_oracle(vllm_cache{vllm_cache_type::fp8_per_token_head}, "vllm.fp8_per_token_head");
  vllm_cache int8{vllm_cache_type::int8_per_token_head};
  qfa_test::check_cache_oracle(int8, "vllm.int8_per_token_head.trunc");
  int8.rounding = qfa::int8_rounding::half_even;
  qfa_test::check_cache_oracle(int8, "vllm.int8_per_token_head.round");
  vllm_cache int4{.type = vllm_cache_type::int4_per_token_head, .hadamard = false};
  qfa_test::check_cache_oracle(int4, "vllm.int4_per_token_head");
  qfa_test::check_cache_oracle(int4, "vllm.int4_per_token_head.head16", oracle_heads(16));
  int4 = {.type = vllm_cache_type::int4_per_token_head, .seed = 0};
  qfa_test::check_cache_oracle(int4, "vllm.int4_per_token_head.hadamard");
}

TEST_CASE("vllm_cache: int4 behind signs, and what it keeps of rotated heads") {
  const std::vector<float> signs = qfa::read_floats(qfa_test::cache_array("signs"));
  cache_content text = qfa_test::oracle_text();
  multiply(text.keys, signs);
  multiply(text.values, signs);
  cache_content held = qfa_test::cached(vllm_cache{.type = vllm_cache_type::int4_per_token_head, .seed = 0}, text);
  multiply(held.keys, signs);
  multiply(held.values, signs);
  qfa_test::check_hashes(held, "vllm.int4_per_token_head.hadamard_signs.prefill");

  for (qfa_test::matrix* side : {&text.keys, &text.values})
    qfa::fold_rotation({.size = 64}, side->view());
  held = qfa_test::cached(vllm_cache{.type = vllm_cache_type::int4_per_token_head, .hadamard = false}, text);
  qfa_test::check_hashes(held, "vllm.int4_per_token_head.hadamard_signs.inside");
}

TEST_CASE("vllm_cache: seeds draw signs, which change what int4 does and nothing else") {
  const cache_content text = qfa_test::oracle_text();
  const auto of_seed = [&](std::uint64_t seed) {
    return qfa_test::cached(vllm_cache{.type = vllm_cache_type::int4_per_token_head, .seed = seed}, text);
  };
  CHECK(same_bits(of_seed(1).keys.values, of_seed(1).keys.values));
  CHECK_FALSE(same_bits(of_seed(1).keys.values, of_seed(2).keys.values));
  CHECK_FALSE(same_bits(of_seed(1).keys.values, of_seed(0).keys.values));
}

TEST_CASE("vllm_cache: laws") {
  for (std::size_t type = 0; type < qfa::vllm_cache_type_names.size(); ++type)
    qfa_test::check_cache_laws(vllm_cache{static_cast<vllm_cache_type>(type)},
                               {.layer = 1, .kv_heads = 2, .head_dim = 12});
}

TEST_CASE("vllm_cache: the scale of 1 saturates what is beyond the format") {
  qfa_test::matrix keys{1, 2, {1000.0f, 465.0f}}, values{1, 2, {1e6f, -1000.0f}};
  vllm_cache e4m3{}, e5m2{vllm_cache_type::fp8_e5m2};
  const qfa::cache_info info{.kv_heads = 1, .head_dim = 2};
  auto held = qfa_test::cached(e4m3, {keys, values}, info);
  CHECK(held.keys.values == std::vector<float>{448, 448});
  CHECK(held.values.values == std::vector<float>{448, -448});
  held = qfa_test::cached(e5m2, {keys, values}, info);
  CHECK(held.keys.values == std::vector<float>{1024, 448});
  CHECK(held.values.values == std::vector<float>{57344, -1024});
  // Sides have scales of their own.
  held = qfa_test::cached(vllm_cache{.key_scale = 4.0f, .value_scale = 2.0f}, {keys, values}, info);
  CHECK(held.keys.values == std::vector<float>{1024, 480});
  CHECK(held.values.values == std::vector<float>{896, -896});
}

TEST_CASE("vllm_cache: wide numbers round to the bytes that numpy names") {
  for (const auto& [type, name] :
       {std::pair{vllm_cache_type::fp8_e4m3, "wide.e4m3"}, std::pair{vllm_cache_type::fp8_e5m2, "wide.e5m2"}}) {
    const qfa_test::matrix wide = qfa_test::cache_matrix("wide");
    const auto held = qfa_test::cached(vllm_cache{type}, {wide, wide});
    const std::vector<std::int64_t> bytes = qfa::read_integers(qfa_test::cache_array(name));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      CAPTURE(wide.values[i]);
      const auto code = static_cast<std::uint8_t>(bytes[i]);
      CHECK(held.keys.values[i] ==
            (type == vllm_cache_type::fp8_e4m3 ? qfa::e4m3::decode(code) : qfa::e5m2::decode(code)));
    }
  }
}

TEST_CASE("vllm_cache: 4 over 6 is never further off than nvfp4, and nearer somewhere") {
  const cache_content text = qfa_test::oracle_text();
  const auto error = [&](vllm_cache_type type) {
    const auto held = qfa_test::cached(vllm_cache{type}, text);
    double sum = 0.0;
    for (std::size_t i = 0; i < text.keys.values.size(); ++i) {
      const double e = static_cast<double>(held.keys.values[i]) - static_cast<double>(text.keys.values[i]);
      sum += e * e;
    }
    return sum;
  };
  CHECK(error(vllm_cache_type::nvfp4_4over6) < 0.99 * error(vllm_cache_type::nvfp4));
}

TEST_CASE("vllm_cache: bits of tokens, scales included") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 64};
  const double numbers = 2.0 * 10.0 * 128.0, heads = 2.0 * 10.0 * 2.0;
  const auto bits = [&](vllm_cache_type type) {
    const auto sides = vllm_cache{type}.stored_bits(10, info);
    CHECK(sides.keys == sides.values);
    return sides.sum();
  };
  CHECK(bits(vllm_cache_type::fp8_e4m3) == 8 * numbers + 64);
  CHECK(bits(vllm_cache_type::fp8_e5m2) == 8 * numbers + 64);
  CHECK(bits(vllm_cache_type::fp8_per_token_head) == 8 * numbers + 32 * heads);
  CHECK(bits(vllm_cache_type::int8_per_token_head) == 8.5 * numbers);
  CHECK(bits(vllm_cache_type::int4_per_token_head) == 4.5 * numbers);
  CHECK(bits(vllm_cache_type::nvfp4) == 4.5 * numbers + 64);
  CHECK(bits(vllm_cache_type::nvfp4_4over6) == 4.5 * numbers + 64);
  CHECK(vllm_cache{}.stored_bits(0, info).sum() == 0.0);
}

TEST_CASE("vllm_cache: learns once, and then says so by the scales that it has") {
  vllm_cache policy{.calibrated = true};
  CHECK(qfa::learns(policy));
  CHECK(policy.name() == "vllm:type=fp8_e4m3,calibrated=true");
  qfa_test::cache_content text = qfa_test::random_text(2, {.layer = 8, .kv_heads = 1, .head_dim = 4});
  const qfa::cache_info info{.layer = 8, .kv_heads = 1, .head_dim = 4};
  check_refused([&] { policy(text.keys.view(), text.values.view(), {.info = info}); },
                {"vllm", "calibration tokens of layer 8"});
  const qfa_test::matrix keys{1, 4, {0, 0, 224, 0}}, values{1, 4, {-1344, 0, 0, 0}};
  policy.learn(keys.view(), values.view(), info);
  CHECK_FALSE(qfa::learns(policy));
  CHECK(policy.name() == "vllm:type=fp8_e4m3,key_scale=0.5,value_scale=3");
  policy.learn(values.view(), keys.view(), info);  // nothing to learn any more
  CHECK(policy.key_scale == 0.5f);
  vllm_cache nvfp4{.type = vllm_cache_type::nvfp4, .calibrated = true};
  nvfp4.learn(values.view(), keys.view(), info);
  CHECK(nvfp4.key_scale == 0.5f);
  vllm_cache e5m2{.type = vllm_cache_type::fp8_e5m2, .calibrated = true};
  e5m2.learn(values.view(), keys.view(), info);
  CHECK(e5m2.value_scale == 224.0f / 57344.0f);
}

TEST_CASE("vllm_cache: refuses options that mean nothing together, and odd heads where int4 rotates") {
  check_refused([] { vllm_cache{.key_scale = 0.0f}.validate(); }, {"key_scale", "2^-110"});
  check_refused([] { vllm_cache{.value_scale = -1.0f}.validate(); }, {"value_scale"});
  for (const vllm_cache_type type : {vllm_cache_type::fp8_per_token_head, vllm_cache_type::int8_per_token_head,
                                     vllm_cache_type::int4_per_token_head})
    check_refused([&] { vllm_cache{.type = type, .calibrated = true}.validate(); }, {"each token-head"});
  check_refused([] { vllm_cache{.key_scale = 2.0f, .calibrated = true}.validate(); }, {"calibrated would learn"});
  check_refused([] { vllm_cache{.rounding = qfa::int8_rounding::half_even}.validate(); }, {"type=int8_per_token_head"});
  check_refused([] { vllm_cache{.seed = 5}.validate(); }, {"type=int4_per_token_head"});
  check_refused([] { vllm_cache{.type = vllm_cache_type::int8_per_token_head, .hadamard = false}.validate(); },
                {"type=int4_per_token_head"});
  const qfa::cache_info info{.layer = 2, .kv_heads = 1, .head_dim = 7};
  check_refused(
      [&] { qfa_test::cached(vllm_cache{vllm_cache_type::int4_per_token_head}, qfa_test::random_text(1, info), info); },
      {"even size", "layer 2", "7 wide"});
  CHECK(qfa::reads_of(vllm_cache{}) == qfa::attention_reads::stored);
}

}  // namespace cache_vllm_test

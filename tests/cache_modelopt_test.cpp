// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/modelopt.hpp"

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_modelopt_test {

using qfa::modelopt_cache;
using qfa::modelopt_cache_type;
using qfa_test::check_refused;
using qfa_test::oracle_heads;

TEST_CASE("modelopt_cache: both types give numpy's bits after calibration") {
  for (const auto type : {modelopt_cache_type::fp8, modelopt_cache_type::nvfp4}) {
    modelopt_cache policy{type};
    policy.learn(qfa_test::cache_matrix("calibration.keys").view(), qfa_test::cache_matrix("calibration.values").view(),
                 oracle_heads());
    qfa_test::check_cache_oracle(policy, type == modelopt_cache_type::fp8 ? "modelopt.fp8" : "modelopt.nvfp4");
  }
}

TEST_CASE("modelopt_cache: laws") {
  for (const auto type : {modelopt_cache_type::fp8, modelopt_cache_type::nvfp4})
    qfa_test::check_cache_laws(modelopt_cache{.type = type, .key_scale = 0.01f, .value_scale = 0.02f},
                               {.layer = 1, .kv_heads = 2, .head_dim = 20});
}

TEST_CASE("modelopt_cache: learns what is not given, and zeros teach it nothing") {
  const qfa::cache_info info{.layer = 4, .kv_heads = 1, .head_dim = 2};
  modelopt_cache policy{.value_scale = 0.25f};
  CHECK(qfa::learns(policy));
  qfa_test::cache_content text = qfa_test::random_text(1, info);
  check_refused([&] { policy(text.keys.view(), text.values.view(), {.info = info}); },
                {"modelopt", "calibration tokens of layer 4"});
  const qfa_test::matrix peak{1, 2, {-5376.0f, 1.0f}}, zeros{1, 2, {0.0f, 0.0f}};
  policy.learn(peak.view(), peak.view(), info);
  CHECK_FALSE(qfa::learns(policy));
  CHECK(policy.name() == "modelopt:type=fp8,key_scale=12,value_scale=0.25");
  modelopt_cache nvfp4{modelopt_cache_type::nvfp4};
  nvfp4.learn(peak.view(), zeros.view(), info);
  CHECK(nvfp4.key_scale == 2.0f);
  CHECK(nvfp4.value_scale == 1.0f);
  check_refused([] { modelopt_cache{.key_scale = -1.0f}.validate(); }, {"modelopt's key_scale"});
  check_refused([] { modelopt_cache{.value_scale = 1e-38f}.validate(); }, {"modelopt's value_scale"});
}

TEST_CASE("modelopt_cache: bits of tokens, scales included") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 64};
  CHECK(modelopt_cache{}.stored_bits(10, info).sum() == 2.0 * (8 * 1280 + 32));
  CHECK(modelopt_cache{}.stored_bits(0, info).sum() == 0.0);
  CHECK(modelopt_cache{modelopt_cache_type::nvfp4}.stored_bits(10, info).sum() == 2.0 * (4.5 * 1280 + 32));
  CHECK(qfa::reads_of(modelopt_cache{}) == qfa::attention_reads::stored);
}

}  // namespace cache_modelopt_test

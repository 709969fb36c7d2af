// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/presets.hpp"

#include <set>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "cache_matrices.hpp"
#include "qfa/cache/spec.hpp"
#include "scratch.hpp"

namespace cache_presets_test {

TEST_CASE("cache_presets: the published conditions are numpy's bits") {
  for (const std::string bits : {"8", "4", "3", "2"}) {
    qfa_test::check_cache_oracle(qfa::parse_cache("section4:bits=" + bits), "published.asym" + bits + ".per_token");
    qfa_test::check_cache_oracle(qfa::parse_cache("section5:" + bits), "published.sym" + bits + ".per_tensor");
    qfa_test::check_cache_oracle(qfa::parse_cache("group64:" + bits), "published.sym" + bits + ".per_group64");
  }
  for (const std::string bits : {"4", "2"})
    qfa_test::check_cache_over_time(qfa::parse_cache("paper_kivi:" + bits), "published_kivi." + bits, 70);
}

TEST_CASE("cache_presets: they act on keys before RoPE, and attention reads what they leave") {
  for (const std::string name : {"section4", "section5", "group64", "paper_kivi"}) {
    const qfa::any_cache_policy p = qfa::parse_cache(name + ":bits=4");
    CHECK(p.point() == qfa::cache_point::before_rope);
    CHECK(p.reads() == qfa::attention_reads::stored);
    qfa_test::check_refused([&] { qfa::parse_cache(name); }, {"needs the option bits"});
    qfa_test::check_call_laws(p);
  }
}

TEST_CASE("cache_presets: sixteen bits are no quantization") {
  const qfa_test::cached_text text = qfa_test::made_text(5);
  for (const std::string name : {"section4", "section5", "group64", "paper_kivi"})
    CHECK(qfa_test::held_at_once(qfa::parse_cache(name + ":16"), text) == text);
}

TEST_CASE("serving_cache_presets: are numpy's bits, and say what attention reads") {
  using enum qfa::attention_reads;
  for (const auto& preset_and_oracle : {std::pair{"vllm_fp8_e4m3", "vllm.fp8_e4m3"},
                                        {"vllm_fp8_e5m2", "vllm.fp8_e5m2"},
                                        {"vllm_fp8_per_token_head", "vllm.fp8_per_token_head"},
                                        {"vllm_int8_per_token_head", "vllm.int8_per_token_head.trunc"},
                                        {"vllm_int4_per_token_head:seed=0", "vllm.int4_per_token_head.hadamard"},
                                        {"llama_q8_0", "llama.q8_0.hadamard"},
                                        {"llama_q5_1", "llama.q5_1.hadamard"},
                                        {"llama_q4_0", "llama.q4_0.hadamard"},
                                        {"llama_iq4_nl", "llama.iq4_nl.hadamard"},
                                        {"hf_quanto4", "hf.quanto4.axis0.g64"},
                                        {"hf_quanto2", "hf.quanto2.axis0.g64"},
                                        {"hf_hqq4:iterations=0", "hf.hqq4.axis1.g64"}}) {
    const std::string name = preset_and_oracle.first, oracle = preset_and_oracle.second;
    CAPTURE(name);
    const qfa::any_cache_policy p = qfa::parse_cache(name);
    qfa_test::check_cache_oracle(p, oracle);
    CHECK(p.reads() == (p.name().starts_with("hf_") ? arrived : stored));
    CHECK(p.point() == qfa::cache_point::after_rope);
  }
  for (const std::string name : {"modelopt_fp8", "modelopt_nvfp4", "vllm_fp8_e4m3_calibrated"}) {
    qfa::any_cache_policy p = qfa::parse_cache(name);
    p.learn(qfa_test::cache_matrix("calibration.keys").view(), qfa_test::cache_matrix("calibration.values").view(),
            qfa_test::oracle_heads());
    qfa_test::check_cache_oracle(p, name == "modelopt_nvfp4" ? "modelopt.nvfp4" : "modelopt.fp8");
  }
}

TEST_CASE("cache_presets: names and origins are distinct") {
  std::set<std::string> names, origins;
  for (const qfa::preset& p : qfa::cache_presets) {
    names.insert(std::string(p.name));
    origins.insert(std::string(p.origin));
  }
  for (const qfa::preset& p : qfa::serving_cache_presets) {
    names.insert(std::string(p.name));
    origins.insert(std::string(p.origin));
  }
  CHECK(names.size() == qfa::cache_presets.size() + qfa::serving_cache_presets.size());
  CHECK(origins.size() == names.size());
}

}  // namespace cache_presets_test

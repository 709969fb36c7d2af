// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/hf_hqq.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_hf_hqq_test {

using qfa::hf_hqq_cache;
using qfa_test::check_refused;

TEST_CASE("hf_hqq_cache: without the solver a prompt, and token by token the cache, are numpy's to the bit") {
  for (const int axis : {1, 0}) {
    const hf_hqq_cache policy{.axis_key = axis, .axis_value = axis, .residual = 32, .iterations = 0};
    const std::string name = "hf.hqq4.axis" + std::to_string(axis) + ".g64";
    qfa_test::check_cache_oracle(policy, name);
    qfa_test::check_cache_over_time(policy, name, 70);
  }
}

TEST_CASE("hf_hqq_cache: the solver ends where numpy's does") {
  for (const int axis : {1, 0}) {
    const auto held = qfa_test::cached(hf_hqq_cache{.axis_key = axis, .axis_value = axis}, qfa_test::oracle_text());
    for (const bool of_keys : {true, false}) {
      const std::string name =
          "hf.hqq4.axis" + std::to_string(axis) + ".g64.optimized.prefill." + (of_keys ? "keys" : "values");
      CAPTURE(name);
      const std::vector<std::int64_t> pairs = qfa::read_integers(qfa_test::cache_array(name + ".codes"));
      const std::vector<double> scale = qfa::read_doubles(qfa_test::cache_array(name + ".scale"));
      const std::vector<double> zero = qfa::read_doubles(qfa_test::cache_array(name + ".zero"));
      const qfa_test::matrix& side = of_keys ? held.keys : held.values;
      REQUIRE(pairs.size() * 2 == side.values.size());
      std::size_t unlike = 0;
      for (std::size_t g = 0; g < scale.size(); ++g)
        for (std::size_t i = 0; i < 64; ++i) {
          const auto pair = static_cast<std::uint64_t>(pairs[g * 32 + i / 2]);
          const double q = static_cast<double>(i % 2 == 0 ? pair & 15U : pair >> 4);
          // Where number i of group g lies among heads, tokens and head_dim.
          const std::size_t at = axis == 1 ? g * 64 + i : i * scale.size() + g;
          const std::size_t row = at / 64, head = row / side.rows, token = row % side.rows;
          // Powers may differ by a bit between C libraries, so that a result may as well.
          const double expected = (q - zero[g]) / scale[g];
          const auto found = static_cast<double>(side.view()(token, head * 64 + at % 64));
          unlike += std::fabs(found - expected) <= 1e-6 * (std::max)(1e-3, std::fabs(expected)) ? 0U : 1U;
        }
      CHECK(unlike == 0);
    }
  }
}

TEST_CASE("hf_hqq_cache: laws, old rows not among them") {
  for (const int axis : {1, 0})
    qfa_test::check_cache_laws(hf_hqq_cache{.axis_key = axis, .axis_value = axis, .group = 16, .residual = 4},
                               {.layer = 1, .kv_heads = 2, .head_dim = 16}, false);
}

TEST_CASE("hf_hqq_cache: sides have axes of their own, and bits count the residual") {
  const auto text = qfa_test::oracle_text();
  const auto apart = qfa_test::cached(hf_hqq_cache{.iterations = 0}, text);
  const auto mixed = qfa_test::cached(hf_hqq_cache{.axis_value = 1, .iterations = 0}, text);
  CHECK(qfa_test::same_bits(apart.keys.values, mixed.keys.values));
  CHECK_FALSE(qfa_test::same_bits(apart.values.values, mixed.values.values));
  const qfa::cache_info info = qfa_test::oracle_heads();
  CHECK(hf_hqq_cache{}.stored_bits(10, info).sum() == 2.0 * 1280 * 4.5);
  CHECK(hf_hqq_cache{.bits = 2, .memory = {4}}.stored_bits(10, info).sum() == 2.0 * 512 * 2.5 + 2.0 * 768 * 16);
}

TEST_CASE("hf_hqq_cache: refuses tokens that are no whole groups, and remembers nothing of them") {
  const qfa::cache_info info{.layer = 6, .kv_heads = 1, .head_dim = 8};
  qfa_test::cache_content text = qfa_test::random_text(3, info);
  const qfa_test::cache_content before = text;
  hf_hqq_cache policy;
  check_refused([&] { policy(text.keys.view(), text.values.view(), {.info = info}); }, {"64", "24", "keys of layer 6"});
  CHECK(qfa_test::same_bits(text.keys.values, before.keys.values));
  CHECK(policy.memory.quantized == 0);
  CHECK(hf_hqq_cache{.bits = 8, .axis_key = 1}.name() == "hf_hqq:bits=8,axis_key=1");
  for (const int bits : {0, 5, 9})
    check_refused([&] { hf_hqq_cache{.bits = bits}.validate(); }, {"bits", "1, 2, 3, 4 or 8"});
  check_refused([] { hf_hqq_cache{.axis_value = 2}.validate(); }, {"axes", "0 or 1"});
  check_refused([] { hf_hqq_cache{.group = 0}.validate(); }, {"group"});
  check_refused([] { hf_hqq_cache{.residual = 0}.validate(); }, {"residual"});
  check_refused([] { hf_hqq_cache{.iterations = -1}.validate(); }, {"iterations"});
  CHECK(qfa::reads_of(hf_hqq_cache{}) == qfa::attention_reads::arrived);
}

}  // namespace cache_hf_hqq_test

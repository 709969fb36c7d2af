// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/hf_quanto.hpp"

#include <cstddef>
#include <string>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_hf_quanto_test {

using qfa::hf_quanto_cache;
using qfa::quanto_axis;
using qfa_test::check_refused;
using qfa_test::same_bits;

namespace {

struct oracle_case {
  hf_quanto_cache policy;
  std::string name;
};

std::vector<oracle_case> oracle_cases() {
  std::vector<oracle_case> all;
  for (const int bits : {4, 2})
    for (const quanto_axis axis : {quanto_axis::first, quanto_axis::last})
      for (const std::size_t group : {64U, 32U})
        all.push_back({{.bits = bits, .axis_key = axis, .axis_value = axis, .group = group, .residual = 32},
                       "hf.quanto" + std::to_string(bits) + ".axis" + (axis == quanto_axis::first ? "0" : "-1") + ".g" +
                           std::to_string(group)});
  return all;
}

}  // namespace

TEST_CASE("hf_quanto_cache: a prompt gives numpy's bits, whatever bits, axis and group") {
  for (const oracle_case& c : oracle_cases())
    qfa_test::check_cache_oracle(c.policy, c.name);
}

TEST_CASE("hf_quanto_cache: token by token the cache holds, and attention reads, what numpy says") {
  for (const oracle_case& c : oracle_cases()) {
    qfa_test::check_cache_over_time(c.policy, c.name, 70);
    if (c.policy.axis_key == quanto_axis::last) qfa_test::check_cache_over_time(c.policy, c.name, 64);
  }
}

TEST_CASE("hf_quanto_cache: laws, old rows not among them") {
  qfa_test::check_cache_laws(hf_quanto_cache{.residual = 4}, {.layer = 1, .kv_heads = 2, .head_dim = 8}, false);
  qfa_test::check_cache_laws(
      hf_quanto_cache{.bits = 2, .axis_key = quanto_axis::last, .axis_value = quanto_axis::last, .group = 5},
      {.layer = 1, .kv_heads = 3, .head_dim = 4}, false);
}

TEST_CASE("hf_quanto_cache: sides have axes of their own") {
  const auto text = qfa_test::oracle_text();
  const auto along = qfa_test::cached(hf_quanto_cache{}, text);
  const auto mixed = qfa_test::cached(hf_quanto_cache{.axis_value = quanto_axis::last}, text);
  CHECK(same_bits(along.keys.values, mixed.keys.values));
  CHECK_FALSE(same_bits(along.values.values, mixed.values.values));
}

TEST_CASE("hf_quanto_cache: bits are those of what is quantized and of the residual") {
  const qfa::cache_info info{.kv_heads = 2, .head_dim = 64};
  hf_quanto_cache policy{.residual = 8};
  CHECK(policy.stored_bits(10, info).sum() == 2.0 * 1280 * (4 + 32.0 / 64));
  const auto text = qfa_test::random_text(13, info);
  qfa_test::cache_content held;
  qfa_test::arrive(policy, held, text, 0, 10, info);
  for (std::size_t t = 10; t < 13; ++t)
    qfa_test::arrive(policy, held, text, t, t + 1, info);
  CHECK(policy.memory.quantized == 10);
  CHECK(policy.stored_bits(13, info).sum() == 2.0 * 1280 * 4.5 + 2.0 * 3 * 128 * 16);
  CHECK(hf_quanto_cache{.bits = 2, .axis_key = quanto_axis::last, .group = 32}.stored_bits(40, info) ==
        qfa::cache_bits{2.0 * 5120 + 32.0 * 3 * 64, 2.0 * 5120 + 32.0 * 160});
}

TEST_CASE("hf_quanto_cache: says what it is, and refuses what quanto does not have") {
  CHECK(hf_quanto_cache{}.name() == "hf_quanto:bits=4");
  CHECK(hf_quanto_cache{.bits = 2, .axis_key = quanto_axis::last, .residual = 32}.name() ==
        "hf_quanto:bits=2,axis_key=-1,residual=32");
  check_refused([] { hf_quanto_cache{.bits = 3}.validate(); }, {"bits", "2 or 4", "3"});
  check_refused([] { hf_quanto_cache{.group = 0}.validate(); }, {"group"});
  check_refused([] { hf_quanto_cache{.residual = 0}.validate(); }, {"residual"});
  CHECK(qfa::reads_of(hf_quanto_cache{}) == qfa::attention_reads::arrived);
}

}  // namespace cache_hf_quanto_test

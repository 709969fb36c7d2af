// SPDX-License-Identifier: Apache-2.0
// Every policy that spec strings can name, under the one battery of tests/policy_laws.hpp.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"
#include "policy_laws.hpp"
#include "qfa/compress/spec.hpp"

namespace compress_every_policy_test {

using qfa::grouping;
using qfa_test::matrix;
using qfa_test::policy_claims;

namespace {

const qfa::tensor_info query{.name = "model.layers.1.self_attn.q_proj.weight",
                             .layer = 1,
                             .role = qfa::tensor_role::query,
                             .heads = 4,
                             .head_dim = 24,
                             .layers = 8};

/// A spec with what its name cannot do without.
std::string spec_for(const std::string& name) {
  static const std::map<std::string, std::string> needed{
      {"prune", "prune:sparsity=0.4"},
      {"prune_threshold", "prune_threshold:at_most=0.2"},
      {"prune_nm", "prune_nm:zeroed=2,of=4"},
      {"prune_rows", "prune_rows:share=0.25"},
      {"prune_columns", "prune_columns:share=0.25"},
      {"prune_heads", "prune_heads:share=0.25"},
      {"prune_random", "prune_random:sparsity=0.5,seed=7"},
      {"noise", "noise:match=(rtn:bits=4),seed=7"},
      {"permute", "permute:of=(rtn:bits=4),seed=7"},
      {"negate", "negate:of=(rtn:bits=4)"},
      {"rotate", "rotate:then=(rtn:bits=4)"},
      {"llm_int8", "llm_int8:threshold=1000"},  // else every channel here is spared
  };
  const auto found = needed.find(name);
  return found == needed.end() ? name : found->second;
}

/// What each policy promises of its values; the integer presets state theirs in compress_integer_presets_test.cpp.
/// A number format is odd and monotone in a group of one scale; pruning keeps what it keeps.
policy_claims claims_of(const std::string& name) {
  const grouping row{.per = qfa::group_kind::row};
  const auto along_rows = [](std::size_t group) {
    return grouping{.per = qfa::group_kind::group, .group = group, .block_rows = 1};
  };
  static const std::map<std::string, policy_claims> all{
      {"none", {.idempotent_within = 0.0, .odd = true, .keeps_zeros = true, .rows_apart = true}},
      {"cast",
       {.groups = row,
        .idempotent_within = 0.0,
        .odd = true,
        .monotone = true,
        .keeps_zeros = true,
        .rows_apart = true}},
      {"act", {.idempotent_within = 0.0, .odd = true, .keeps_zeros = true, .rows_apart = true}},
      {"rtn",
       {.groups = row,
        .levels = 256,
        .idempotent_within = 1e-6,
        .odd = true,
        .monotone = true,
        .keeps_zeros = true,
        .rows_apart = true}},
      {"fp8",
       {.groups = grouping{.per = qfa::group_kind::tensor},
        .levels = 256,
        .odd = true,
        .monotone = true,
        .keeps_zeros = true}},
      {"mxfp4",
       {.groups = along_rows(32),
        .levels = 16,
        .idempotent_within = 0.0,
        .odd = true,
        .monotone = true,
        .keeps_zeros = true,
        .rows_apart = true}},
      {"mxfp8",
       {.groups = along_rows(32),
        .levels = 256,
        .odd = true,
        .monotone = true,
        .keeps_zeros = true,
        .rows_apart = true}},
      {"nvfp4", {.groups = along_rows(16), .levels = 16, .odd = true, .monotone = true, .keeps_zeros = true}},
      {"nf4", {.groups = along_rows(64), .levels = 16, .monotone = true, .keeps_zeros = true, .rows_apart = true}},
      {"bnb_fp4", {.groups = along_rows(64), .levels = 16, .monotone = true, .keeps_zeros = true, .rows_apart = true}},
      {"ternary",
       {.groups = grouping{.per = qfa::group_kind::tensor},
        .levels = 3,
        .odd = true,
        .monotone = true,
        .keeps_zeros = true}},
      {"prune", {.idempotent_within = 0.0, .odd = true, .keeps_zeros = true}},
      {"prune_threshold", {.idempotent_within = 0.0, .odd = true, .keeps_zeros = true, .rows_apart = true}},
      {"prune_nm", {.idempotent_within = 0.0, .odd = true, .keeps_zeros = true, .rows_apart = true}},
      {"prune_rows", {.odd = true, .keeps_zeros = true}},
      {"prune_columns", {.odd = true, .keeps_zeros = true}},
      {"prune_heads", {.odd = true, .keeps_zeros = true}},
      {"prune_random", {.idempotent_within = 0.0, .odd = true, .keeps_zeros = true}},
      {"negate", {.odd = true, .keeps_zeros = true, .rows_apart = true}},
      {"ggml", {.groups = along_rows(32), .levels = 16, .monotone = true, .rows_apart = true}},
  };
  const auto found = all.find(name);
  return found == all.end() ? policy_claims{} : found->second;
}

}  // namespace

TEST_CASE("every policy: it obeys the laws of policies, and those that it claims") {
  const matrix weights = qfa_test::law_weights(96, 256);
  std::size_t seen = 0, calibrated = 0;
  for (const qfa::policy_entry& entry : qfa::registered_policies()) {
    CAPTURE(entry.name);
    if (entry.name == "plan" || entry.name == "plan_file") continue;  // what the policies in them do
    const qfa::any_policy policy = qfa::parse_policy(spec_for(entry.name));
    if (policy.needs().any()) {
      ++calibrated;
      continue;
    }
    if (entry.name == "none") continue;  // takes whatever there is, infinities too
    ++seen;
    if (entry.name == "act") continue;  // leaves weights alone, infinities too
    qfa_test::check_policy_laws(policy, claims_of(entry.name), weights, query);
  }
  CHECK(seen >= 55);
  CHECK(calibrated >= 6);
}

TEST_CASE("every policy: one that learns gives the same bits on every number of threads, and in any view") {
  const qfa_test::layer layer = qfa_test::made_up_layer(24, 64);
  for (const qfa::policy_entry& entry : qfa::registered_policies()) {
    if (entry.name == "plan_file") continue;
    const qfa::any_policy policy = qfa::parse_policy(spec_for(entry.name));
    if (!policy.needs().any()) continue;
    CAPTURE(entry.name);
    const matrix once = qfa_test::compressed(layer.weights, policy, layer.known, query);
    CHECK_FALSE(qfa_test::same_bits(once.values, layer.weights.values));
    const std::size_t before = qfa::thread_count();
    for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
      qfa::set_thread_count(threads);
      CHECK(qfa_test::same_bits(qfa_test::compressed(layer.weights, policy, layer.known, query).values, once.values));
    }
    qfa::set_thread_count(before);
    const qfa::any_policy again = qfa::parse_policy(describe(policy));
    CHECK(qfa_test::same_bits(qfa_test::compressed(layer.weights, again, layer.known, query).values, once.values));
  }
}

}  // namespace compress_every_policy_test

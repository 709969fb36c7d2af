// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/targets.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace compress_targets_test {

using qfa::glob_matches;
using qfa::target_patterns;
using qfa::tensor_info;
using qfa::tensor_role;

static_assert(glob_matches("", "") && !glob_matches("", "a") && !glob_matches("a", ""));
static_assert(glob_matches("*", "") && glob_matches("*", "abc") && glob_matches("***", "abc"));
static_assert(glob_matches("?", "a") && !glob_matches("?", "") && !glob_matches("?", "ab"));
static_assert(glob_matches("a*c", "ac") && glob_matches("a*c", "abbc") && !glob_matches("a*c", "abcd"));
static_assert(glob_matches("*abc", "ababc") && glob_matches("*a*b", "aaab") && !glob_matches("*a*b", "bbba"));
static_assert(glob_matches("a?c*", "abcd") && !glob_matches("a?c*", "abd"));
static_assert(!glob_matches("A", "a") && glob_matches("[x]", "[x]"));

namespace {

const tensor_info embedding{.name = "gpt_neox.embed_in.weight"};
const tensor_info fused_query{.name = "gpt_neox.layers.10.attention.query_key_value.weight#q",
                              .layer = 10,
                              .role = tensor_role::query};
const tensor_info fused_key{.name = "gpt_neox.layers.10.attention.query_key_value.weight#k",
                            .layer = 10,
                            .role = tensor_role::key};
const tensor_info down{.name = "gpt_neox.layers.1.mlp.dense_4h_to_h.weight", .layer = 1, .role = tensor_role::down};
const std::vector<tensor_info> all{embedding, fused_query, fused_key, down};

std::string picked(const target_patterns& patterns) {
  std::string marks;
  for (const tensor_info& info : all) marks += patterns(info) ? 'x' : '.';
  return marks;
}

}  // namespace

TEST_CASE("target_patterns: by default every role but other") {
  const target_patterns published;
  for (std::size_t i = 0; i < qfa::tensor_role_names.size(); ++i) {
    const auto role = static_cast<tensor_role>(i);
    CHECK(published({.name = "w", .role = role}) == (role != tensor_role::other));
  }
  CHECK(picked(published) == ".xxx");
}

TEST_CASE("target_patterns: patterns replace the published set, whatever the role") {
  CHECK(picked({.include = {"*embed*"}}) == "x...");
  CHECK(picked({.include = {"*.layers.1.*"}}) == "...x");
  CHECK(picked({.include = {"*.layers.1*", "*embed_in.weight"}}) == "xxxx");
  CHECK(picked({.include = {"gpt_neox.layers.??.*"}}) == ".xx.");
}

TEST_CASE("target_patterns: a part of a fused tensor is matched by its own name and by the name in the file") {
  CHECK(picked({.include = {"*#q"}}) == ".x..");
  CHECK(picked({.include = {"*.query_key_value.weight"}}) == ".xx.");
  CHECK(picked({.exclude = {"*#k"}}) == ".x.x");
  CHECK(picked({.exclude = {"*.query_key_value.weight"}}) == "...x");
}

TEST_CASE("target_patterns: what is excluded stays out, whatever includes it") {
  CHECK(picked({.include = {"*"}, .exclude = {"*mlp*", "*embed*"}}) == ".xx.");
  CHECK(picked({.include = {"*mlp*"}, .exclude = {"*"}}) == "....");
}

TEST_CASE("target_patterns: patterns that match nothing are told, of both lists") {
  const target_patterns patterns{.include = {"*#q", "*.q_proj.weight"}, .exclude = {"*mlp*", "norm"}};
  CHECK(patterns.matching_nothing(all) == std::vector<std::string>{"*.q_proj.weight", "norm"});
  CHECK(target_patterns{}.matching_nothing(all).empty());
  CHECK(patterns.matching_nothing({}).size() == 4);
}

TEST_CASE("target_patterns: they name themselves for reports") {
  CHECK(target_patterns{}.name() == "attention and MLP matrices");
  CHECK(target_patterns{.exclude = {"*#q", "*#k"}}.name() ==
        "attention and MLP matrices except *#q, *#k");
  CHECK(target_patterns{.include = {"a", "b*"}, .exclude = {"c"}}.name() == "a, b* except c");
}

TEST_CASE("glob_matches: many stars do not take for ever") {
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "a*";
  CHECK_FALSE(glob_matches(stars + "b", std::string(20000, 'a')));
}

}  // namespace compress_targets_test

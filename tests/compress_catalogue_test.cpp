// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/catalogue.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/compress/spec.hpp"
#include "scratch.hpp"

namespace compress_catalogue_test {

using qfa::any_policy;
using qfa::policy_catalogue;
using qfa_test::check_refused;

namespace {

const any_policy sign([](qfa::matrix_view<float> w) { w(0, 0) = w(0, 0) < 0.0f ? -1.0f : 1.0f; }, "sign");

policy_catalogue small() {
  policy_catalogue all;
  all.add<qfa::rtn>().add<qfa::magnitude_pruner>().add(sign, "keep the sign");
  return all;
}

}  // namespace

TEST_CASE("policy_catalogue: an entry lists options, defaults and what they take") {
  const policy_catalogue all = small();
  const qfa::policy_entry& rtn = all.at("rtn");
  CHECK(rtn.summary == qfa::rtn::summary);
  REQUIRE(rtn.options.size() == 4);
  CHECK(rtn.options[0].key == "bits");
  CHECK(rtn.options[0].default_value == "8");
  CHECK(rtn.options[0].takes == "a whole number");
  CHECK_FALSE(rtn.options[0].required);
  CHECK(rtn.options[1].default_value == "row");
  CHECK(rtn.options[1].takes == "one of tensor, row, group, shared_heads");
  const qfa::policy_entry& prune = all.at("prune");
  CHECK(prune.options[0].required);
  CHECK(prune.options[0].default_value.empty());
  CHECK(all.at("sign").options.empty());
}

TEST_CASE("policy_catalogue: a stranger's policy is found by its name and takes no options") {
  const policy_catalogue all = small();
  const any_policy p = qfa::parse_policy("prune:sparsity=0.5+sign", all);
  CHECK(p.name() == "prune:sparsity=0.5+sign");
  CHECK(qfa_test::compressed(qfa_test::row_matrix({-3, 1}), p).values == std::vector<float>{-1, 0});
  check_refused([&] { qfa::parse_policy("sign:a=b", all); }, {"sign has no options"});
  check_refused([] { qfa::parse_policy("sign"); }, {"no policy \"sign\"", "none, cast, rtn, prune"});
}

TEST_CASE("policy_catalogue: a preset stands for its spec, and what is given again wins") {
  policy_catalogue all = small();
  all.add_preset("int4_g64", "rtn:bits=4,per=group,group=64", "as we ship");
  all.add_preset("half", "prune:0.5", "as pruned");
  all.add_preset("signs", "sign", "another name");
  all.add_preset("int3_g64", "int4_g64:3", "a preset of a preset");
  CHECK(qfa::parse_policy("int4_g64", all).name() == "rtn:bits=4,per=group,group=64");
  CHECK(qfa::parse_policy("int4_g64:bits=3", all).name() == "rtn:bits=3,per=group,group=64");
  CHECK(qfa::parse_policy("int4_g64:3,group=32", all).name() == "rtn:bits=3,per=group,group=32");
  CHECK(qfa::parse_policy("int3_g64:arithmetic=bf16", all).name() ==
        "rtn:bits=3,per=group,group=64,arithmetic=bf16");
  CHECK(qfa::parse_policy("half", all).name() == "prune:sparsity=0.5");
  CHECK(qfa::parse_policy("half:0.25", all).name() == "prune:sparsity=0.25");
  CHECK(qfa::parse_policy("signs", all).name() == "sign");
  CHECK(all.at("int4_g64").options[0].default_value == "4");
  CHECK(all.at("half").options[0].default_value == "0.5");
  CHECK_FALSE(all.at("half").options[0].required);
  check_refused([&] { qfa::parse_policy("int4_g64:bits=3,bits=3", all); }, {"bits twice"});
  check_refused([&] { qfa::parse_policy("int4_g64:foo=3", all); }, {"\"foo\""});
}

TEST_CASE("policy_catalogue: what would mislead is refused") {
  policy_catalogue all = small();
  check_refused([&] { all.add<qfa::rtn>(); }, {"\"rtn\" already"});
  check_refused([&] { all.add(any_policy(sign, "a+b"), ""); }, {"\"a+b\"", "letters"});
  check_refused([&] { all.add_preset("x", "rtn:bits=4+sign", ""); }, {"\"x\"", "one policy"});
  check_refused([&] { all.add_preset("x", "rtn:bit=4", ""); }, {"\"bit\"", "rtn"});
  check_refused([&] { all.add_preset("x", "sign:4", ""); }, {"sign"});
  check_refused([&] { all.add_preset("x", "foo", ""); }, {"no policy \"foo\""});
  CHECK(all.entries().size() == 3);
}

TEST_CASE("policy_catalogue: a copy that is added to leaves its original alone") {
  const policy_catalogue before = small();
  policy_catalogue mine = before;
  mine.add_preset("mine", "rtn:4", "");
  CHECK(before.entries().size() == 3);
  CHECK(mine.entries().size() == 4);
}

}  // namespace compress_catalogue_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/weight_plan.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compress_matrices.hpp"
#include "parsed_plans.hpp"
#include "qfa/compress/chain.hpp"
#include "scratch.hpp"

namespace compress_weight_plan_test {

using qfa::any_policy;
using qfa::magnitude_pruner;
using qfa::rtn;
using qfa::tensor_info;
using qfa::weight_plan;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::parse_one;
using qfa_test::same_bits;

namespace {

const tensor_info down{.name = "layers.0.down.weight"}, up{.name = "layers.0.up.weight"},
    query{.name = "layers.1.qkv.weight#q"}, nameless{};

const weight_plan mixed{.tensors = {{{"*.down.weight", rtn{.bits = 6}},
                                     {"layers.0.*", magnitude_pruner{.sparsity = 0.25}},
                                     {"layers.1.qkv.weight", rtn{.bits = 3}}}},
                        .rest = rtn{.bits = 4}};

/// Learns from its inputs, and changes them.
struct learner {
  void operator()(qfa::matrix_view<float>, const tensor_info&, const qfa::calibration&) const {}
  qfa::calibration_needs needs() const { return {.gram = true}; }
  static std::string name() { return "learner"; }
};
struct input_halver {
  void operator()(qfa::matrix_view<float>) const {}
  void activations(qfa::matrix_view<float>, const qfa::linear_input&) const {}
  static std::string name() { return "input_halver"; }
};

}  // namespace

TEST_CASE("weight_plan: the first pattern that matches counts, then the rest") {
  const matrix w = qfa_test::random_matrix(6, 16);
  const auto acts_as = [&](const tensor_info& info, const auto& policy) {
    CAPTURE(info.name);
    CHECK(same_bits(compressed(w, mixed, info).values, compressed(w, policy, info).values));
    CHECK(mixed.stored_bits(6, 16, info) == qfa::stored_bits_of(policy, 6, 16, info));
    CHECK(mixed.name_for(info) == policy.name());
    CHECK(any_policy(mixed).name_for(info) == policy.name());
  };
  acts_as(down, rtn{.bits = 6});
  acts_as(up, magnitude_pruner{.sparsity = 0.25});
  acts_as(query, rtn{.bits = 3});  // by its name in the file
  acts_as({.name = "layers.1.other.weight"}, rtn{.bits = 4});
  acts_as(nameless, rtn{.bits = 4});
  CHECK(any_policy(rtn{}).name_for(down).empty());
}

TEST_CASE("weight_plan: in a chain each matrix is called by what it gets") {
  const qfa::chain both{magnitude_pruner{.sparsity = 0.5}, mixed};
  CHECK(qfa::name_for(both, down) == "prune:sparsity=0.5+rtn:bits=6");
  CHECK(qfa::name_for(qfa::chain{rtn{}, rtn{}}, down).empty());
  check_refused([&] { qfa::check_tensors(both, std::vector<tensor_info>{down}); }, {"layers.1.qkv.weight"});
}

TEST_CASE("weight_plan: its spec reads back as a plan of the same name, also within another's") {
  const std::string spec =
      "plan:tensors=(*.down.weight=rtn:bits=6;layers.0.*=prune:sparsity=0.25;layers.1.qkv.weight=rtn:bits=3),"
      "rest=(rtn:bits=4)";
  CHECK(mixed.name() == spec);
  const matrix w = qfa_test::random_matrix(5, 16);
  const any_policy read = parse_one(spec);
  CHECK(read.name() == spec);
  for (const tensor_info& info : {down, up, query, nameless})
    CHECK(same_bits(compressed(w, read, info).values, compressed(w, mixed, info).values));
  CHECK(parse_one("plan:( a* = (rtn:bits=6) ; b = none )").name() == "plan:tensors=(a*=rtn:bits=6;b=none)");
  CHECK(parse_one("plan:()").name() == "plan:tensors=()");
  const std::string nested = "plan:tensors=(a=" + spec + ")";
  CHECK(parse_one(nested).name() == nested);
}

TEST_CASE("weight_plan: needs what any of its policies needs, and keeps codes if all do") {
  CHECK(!mixed.needs().any());
  CHECK(!mixed.keeps_codes());
  CHECK(weight_plan{.tensors = {{{"a", learner{}}}}}.needs() == qfa::calibration_needs{.gram = true});
  CHECK(weight_plan{.tensors = {{{"a", learner{}}, {"b", rtn{}}}}}.needs() == qfa::calibration_needs{.gram = true});
  CHECK(weight_plan{.rest = learner{}}.needs() == qfa::calibration_needs{.gram = true});
  CHECK(weight_plan{.tensors = {{{"a", rtn{}}}}, .rest = learner{}}.needs() == qfa::calibration_needs{.gram = true});
  CHECK(weight_plan{.tensors = {{{"a", magnitude_pruner{.sparsity = 0.5}}}}}.keeps_codes());
  CHECK(!weight_plan{.tensors = {{{"a", rtn{}}}}}.keeps_codes());
}

TEST_CASE("weight_plan: refuses what it could not write, and what would change activations") {
  for (const char* pattern : {"", "a;b", "a=b", "(a", "a)", " a", "a "})
    check_refused([&] { (void)weight_plan{.tensors = {{{pattern, rtn{}}}}}; }, {"names tensors by"});
  check_refused([&] { (void)weight_plan{.tensors = {{{"a", rtn{}}, {"b", rtn{}}, {"a", rtn{}}}}}; }, {"\"a\" twice"});
  check_refused([&] { weight_plan{.rest = input_halver{}}.validate(); }, {"input_halver", "changes activations"});
  check_refused([&] { weight_plan{.tensors = {{{"a", input_halver{}}}}}.validate(); }, {"changes activations"});
  for (const char* spec : {"plan:rtn", "plan:(a)", "plan:(a=b;)", "plan:(=rtn)", "plan:a=b", "plan:(a=nothing)"})
    check_refused([&] { parse_one(spec); }, {});
}

TEST_CASE("weight_plan: refuses to be used where a pattern means nothing") {
  mixed.check_tensors(std::vector<tensor_info>{query, up, down});
  check_refused(
      [&] {
        mixed.check_tensors(std::vector<tensor_info>{query, up});
      },
      {"*.down.weight", "none of the matrices", "layers.1.qkv.weight#q"});
  check_refused([&] { any_policy(mixed).check_tensors({}); }, {"*.down.weight"});
}

}  // namespace compress_weight_plan_test

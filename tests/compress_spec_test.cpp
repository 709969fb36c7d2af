// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/spec.hpp"

#include <array>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"
#include "compress_matrices.hpp"
#include "scratch.hpp"

namespace compress_spec_test {

using qfa::any_policy;
using qfa::describe;
using qfa::parse_policy;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::same_bits;

namespace {

const qfa::tensor_info query{.name = "q", .role = qfa::tensor_role::query, .heads = 3, .head_dim = 8};

// A stranger's policy around another: w <- w - (policy(w) - w), the error with its sign turned.
struct opposite {
  any_policy of;
  int seed = 0;

  void operator()(qfa::matrix_view<float> w, const qfa::tensor_info& info) const {
    matrix copy{w.rows(), w.columns(), {}};
    for (std::size_t r = 0; r < w.rows(); ++r)
      copy.values.insert(copy.values.end(), w.row(r).begin(), w.row(r).end());
    of(copy.view(), info);
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (std::size_t c = 0; c < w.columns(); ++c) w(r, c) -= copy.view()(r, c) - w(r, c);
  }
  static constexpr std::string_view spec_name = "opposite";
  static constexpr std::string_view summary = "the error with its sign turned";
  static constexpr auto fields() {
    return std::tuple{qfa::field{"of", &opposite::of, "whose error", true},
                      qfa::field{"seed", &opposite::seed, "unused", true}};
  }
  std::string name() const { return qfa::spec_of(*this); }
};

qfa::policy_catalogue with_opposite() {
  auto all = qfa::default_catalogue();
  all.add<opposite>();
  return all;
}

}  // namespace

TEST_CASE("parse_policy: what is written is what acts") {
  const matrix w = qfa_test::random_matrix(24, 40);
  const auto acts_as = [&](std::string_view spec, const auto& policy) {
    CAPTURE(spec);
    CHECK(same_bits(compressed(w, parse_policy(spec), query).values, compressed(w, policy, query).values));
  };
  acts_as("none", qfa::identity{});
  acts_as("fp8:e5m2,per=group,group=8",
          qfa::fp8{.format = qfa::fp8_format::e5m2, .per = qfa::fp8_granularity::group, .group = 8});
  acts_as("nf4:block=32,double=true", qfa::nf4{.block = 32, .double_quantized = true});
  acts_as("cast:to=bf16", qfa::float_cast{});
  acts_as("rtn:bits=6", qfa::rtn{.bits = 6});
  acts_as("rtn:bits=5,per=tensor", qfa::rtn{.bits = 5, .per = qfa::granularity::tensor});
  acts_as("rtn:group=16,bits=3,per=group", qfa::rtn{.bits = 3, .per = qfa::granularity::group, .group = 16});
  acts_as("rtn:bits=4,per=shared_heads,arithmetic=bf16", qfa::paper_rtn(4, qfa::float_format::bf16));
  acts_as("paper_rtn:bits=4", qfa::paper_rtn(4));
  acts_as("prune:sparsity=0.175", qfa::magnitude_pruner{0.175});
  acts_as("ggml:q5_1", qfa::ggml_quantizer{qfa::ggml_type::q5_1});
  acts_as("ggml:type=q6_K", qfa::ggml_quantizer{qfa::ggml_type::q6_K});
  acts_as("prune:sparsity=0.5+rtn:bits=4", qfa::chain{qfa::magnitude_pruner{0.5}, qfa::rtn{.bits = 4}});
  acts_as("rtn:bits=4+prune:sparsity=0.5", qfa::chain{qfa::rtn{.bits = 4}, qfa::magnitude_pruner{0.5}});
}

TEST_CASE("parse_policy: describing what was parsed, and parsing that, gives the same name and the same bits") {
  const auto catalogue = with_opposite();
  const matrix w = qfa_test::random_matrix(24, 40, 5);
  for (const std::string_view spec :
       {"none", "cast", "cast:bf16", "cast:fp32", "rtn", "rtn:2", "rtn:bits=7,per=row,group=128,arithmetic=fp32",
        "rtn:bits=3,per=group,group=7", "paper_rtn", "paper_rtn:5", "prune:0", "prune:sparsity=0.1625", "prune:1e-3",
        "prune:sparsity=0.5+rtn:bits=4", " rtn : bits = 4 , per = tensor + cast + none ",
        "opposite:of=(rtn:bits=4,per=tensor),seed=1", "opposite:(prune:0.5+rtn:bits=3),seed=2+cast",
        "opposite:of=(opposite:of=(rtn:2),seed=1),seed=3+rtn:bits=8"}) {
    CAPTURE(spec);
    const any_policy first = parse_policy(spec, catalogue);
    const any_policy second = parse_policy(describe(first), catalogue);
    CHECK(describe(second) == describe(first));
    CHECK(same_bits(compressed(w, second, query).values, compressed(w, first, query).values));
  }
}

TEST_CASE("parse_policy: calibrated policies and those of activations act as they are written") {
  const auto of = qfa_test::made_up_layer(12, 24);
  const auto acts_as = [&](std::string_view spec, const auto& policy) {
    CAPTURE(spec);
    const any_policy parsed = parse_policy(spec);
    CHECK(describe(parsed) == spec);
    CHECK(parsed.needs() == policy.needs());
    CHECK(same_bits(compressed(of.weights, parsed, of.known).values, compressed(of.weights, policy, of.known).values));
    CHECK(parsed.changes_activations() == qfa::changes_activations(policy));
    CHECK(same_bits(qfa_test::with_changed_activations(of.x, parsed, &of.known).values,
                    qfa_test::with_changed_activations(of.x, policy, &of.known).values));
  };
  acts_as("gptq:bits=3,group=8,symmetric=false,damping=0.05,order=activation,static_groups=true,block=16,mse=true",
          qfa::gptq{3, 8, false, 0.05, qfa::column_order::activation, true, 16, true});
  acts_as("sparsegpt:sparsity=0.25,damping=0.05,block=12",
          qfa::sparsegpt{.sparsity = 0.25, .damping = 0.05, .block = 12});
  acts_as("sparsegpt:zeroed=2,of=4,bits=4,symmetric=false",
          qfa::sparsegpt{.zeroed = 2, .of = 4, .bits = 4, .symmetric = false});
  acts_as("wanda:zeroed=2,of=4+rtn:bits=4", qfa::chain{qfa::wanda{.zeroed = 2, .of = 4}, qfa::rtn{.bits = 4}});
  acts_as("awq_search:bits=3,group=12,scale=false,clip=false", qfa::awq_search{3, 12, false, false});
  acts_as("smooth_quant:alpha=0.75,bits=6", qfa::smooth_quant{.alpha = 0.75, .bits = 6});
  acts_as("llm_int8:threshold=4.5,outliers=text", qfa::llm_int8{4.5, qfa::outlier_source::text});
  acts_as("gptq:bits=4+act:bits=6,per=text,symmetric=false",
          qfa::chain{qfa::gptq{}, qfa::activation_quantizer{6, qfa::activation_scale::text, false}});
  acts_as("act:bits=8,per=static", qfa::activation_quantizer{.per = qfa::activation_scale::fixed});
}

TEST_CASE("describe: the canonical form leaves defaults out and names what presets stand for") {
  CHECK(describe(parse_policy("rtn:per=row,bits=8")) == "rtn:bits=8");
  CHECK(describe(parse_policy("rtn:group=32,per=group,bits=4")) == "rtn:bits=4,per=group,group=32");
  CHECK(describe(parse_policy("cast")) == "cast:to=bf16");
  CHECK(describe(parse_policy("paper_rtn:bits=6")) == "rtn:bits=6,per=shared_heads");
  CHECK(describe(parse_policy("prune:sparsity=0.50 + rtn:4")) == "prune:sparsity=0.5+rtn:bits=4");
  CHECK(describe(parse_policy("opposite:of=rtn,seed=4", with_opposite())) == "opposite:of=(rtn:bits=8),seed=4");
}

TEST_CASE("parse_policy: a policy within another's option acts there") {
  // bits = 2: 1 -> 0 and 4 -> 4, so the turned errors give 2 and 4.
  const any_policy p = parse_policy("opposite:of=(rtn:bits=2),seed=1", with_opposite());
  CHECK(compressed(qfa_test::row_matrix({1, 4}), p).values == std::vector<float>{2, 4});
}

TEST_CASE("parse_policy: one sentence says what is wrong and what is known") {
  check_refused([] { parse_policy("foo:bits=4"); }, {"no policy \"foo\"", "none, cast, rtn, prune", "paper_rtn"});
  check_refused([] { parse_policy("rtn:bit=4"); }, {"rtn has no option \"bit\"", "bits, per, group, arithmetic"});
  check_refused([] { parse_policy("rtn:bits=four"); }, {"rtn's option bits is \"four\"", "a whole number"});
  check_refused([] { parse_policy("rtn:per=column"); }, {"\"column\"", "one of tensor, row, group, shared_heads"});
  check_refused([] { parse_policy("rtn:bits=9"); }, {"bits", "between 2 and 8", "9"});
  check_refused([] { parse_policy("rtn:bits=4,group=64"); }, {"group=64", "per=group"});
  check_refused([] { parse_policy("prune"); }, {"prune needs the option sparsity"});
  check_refused([] { parse_policy("prune:sparsity=1.5"); }, {"sparsity", "between 0 and 1"});
  check_refused([] { parse_policy("prune:sparsity=nan"); }, {"sparsity", "between 0 and 1"});
  check_refused([] { parse_policy("none:bits=4"); }, {"none has no option \"bits\""});
  check_refused([] { parse_policy("rtn:bits=(4)"); }, {"\"(4)\"", "a whole number"});
  check_refused([] { parse_policy("opposite:of=(rtn:bit=4),seed=1", with_opposite()); }, {"rtn has no option \"bit\""});
  check_refused([] { parse_policy("opposite:of=(rtn)(rtn),seed=1", with_opposite()); }, {"parenthesis"});
}

TEST_CASE("parse_policy: long chains act in their order, and what is too long or too deep is refused before it nests") {
  const auto chained = [](const std::string& first, std::size_t more, const std::string& with) {
    std::string spec = first;
    for (std::size_t i = 0; i < more; ++i)
      spec += "+" + with;
    return spec;
  };
  const matrix w = qfa_test::random_matrix(8, 8);
  for (const std::size_t parts : {2U, 3U, 5U, 64U}) {
    const std::string spec = chained("prune:sparsity=0.5", parts - 1, "negate:of=(rtn:bits=4)");
    CAPTURE(spec);
    CHECK(parse_policy(spec).name() == spec);
    matrix by_hand = compressed(w, parse_policy("prune:sparsity=0.5"));
    for (std::size_t i = 1; i < parts; ++i)
      by_hand = compressed(by_hand, parse_policy("negate:of=(rtn:bits=4)"));
    CHECK(same_bits(compressed(w, parse_policy(spec)).values, by_hand.values));
  }
  // As deep as it goes: 64 policies within an option, 15 times, each chain beginning with the next.
  std::string deep = "rtn:bits=4";
  for (int level = 0; level < 15; ++level)
    deep = "rotate:then=(" + chained(deep, 63, "none") + ")";
  CHECK(compressed(w, parse_policy(deep)).values.size() == 64);
  check_refused([&] { parse_policy(chained("rtn:bits=4", 24999, "rtn:bits=4")); }, {"more than 64 policies"});
  check_refused([&] { parse_policy("rotate:then=(" + chained("none", 64, "none") + ")"); }, {"more than 64 policies"});
  std::string nested = "rtn:bits=4";
  for (int level = 0; level < 17; ++level)
    nested = "noise:match=(" + nested + ")";
  check_refused([&] { parse_policy(nested); }, {"16 deep"});
  std::string deeper;
  for (int level = 0; level < 100000; ++level)
    deeper += "noise:match=(";
  check_refused([&] { parse_policy(deeper); }, {"16 deep"});
}

TEST_CASE("parse_policy: random text is parsed or refused, and what is parsed round-trips") {
  const auto catalogue = with_opposite();
  constexpr std::array<std::string_view, 22> words{"rtn", "prune", "cast", "none", "opposite", ":", ",", "=",
                                                   "+", "(", ")", "bits", "4", "per", "row", "of",
                                                   "0.5", " ", "seed", "sparsity", "bf16", "\xff"};
  std::mt19937 random(20260603);
  std::size_t parsed = 0;
  for (int round = 0; round < 30000; ++round) {
    std::string spec;
    for (std::size_t n = random() % 9; n > 0; --n) spec += words[random() % words.size()];
    try {
      const any_policy p = parse_policy(spec, catalogue);
      ++parsed;
      if (describe(parse_policy(describe(p), catalogue)) != describe(p)) FAIL_CHECK(spec);
    } catch (const qfa::error&) {
    }
  }
  CHECK(parsed > 500);
}

TEST_CASE("registered_policies: each has a line, and its listed defaults are what it does when they are given") {
  CHECK(qfa::registered_policies().size() >= 5);
  for (const qfa::policy_entry& entry : qfa::registered_policies()) {
    CAPTURE(entry.name);
    CHECK_FALSE(entry.summary.empty());
    std::string given = entry.name, bare = entry.name;
    for (const qfa::option_help& option : entry.options) {
      CHECK_FALSE(option.help.empty());
      CHECK_FALSE(option.takes.empty());
      const std::string value = !option.required                             ? option.default_value
                                : option.takes == "a policy in parentheses" ? "(rtn:bits=4)"
                                : option.takes == "a whole number"          ? "1"
                                                                            : "0.5";
      given += (given == entry.name ? ":" : ",") + option.key + "=" + value;
      if (option.required) bare += (bare == entry.name ? ":" : ",") + option.key + "=" + value;
    }
    if (entry.name == "plan_file") continue;  // reads a file (weight_plan_file_test)
    CHECK(describe(parse_policy(given)) == describe(parse_policy(bare)));
  }
}

}  // namespace compress_spec_test

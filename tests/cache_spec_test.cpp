// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/spec.hpp"

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "scratch.hpp"

namespace cache_spec_test {

using qfa::any_cache_policy;
using qfa::parse_cache;
using qfa_test::check_refused;

namespace {

// A stranger's caches: one without options, one that describes its fields.
struct halves {
  void operator()(qfa::matrix_view<float> k, qfa::matrix_view<float>, const qfa::cache_update& update) const {
    for (std::size_t t = update.first_new; t < k.rows(); ++t)
      for (float& x : k.row(t))
        x *= 0.5f;
  }
};
struct scaled {
  double by = 2.0;
  any_cache_policy then{};
  void operator()(qfa::matrix_view<float> k, qfa::matrix_view<float> v, const qfa::cache_update& update) {
    for (std::size_t t = update.first_new; t < k.rows(); ++t)
      for (float& x : k.row(t))
        x *= static_cast<float>(by);
    then(k, v, update);
  }
  static constexpr std::string_view spec_name = "scaled";
  static constexpr std::string_view summary = "a multiple";
  static constexpr auto fields() {
    return std::tuple{qfa::field{"by", &scaled::by, "what it is multiplied by"},
                      qfa::field{"then", &scaled::then, "what comes after"}};
  }
};

qfa::cache_catalogue with_strangers() {
  qfa::cache_catalogue mine = qfa::default_cache_catalogue();
  mine.add({halves{}, "halves"}, "halve keys").add<scaled>();
  mine.add_preset("tripled", "scaled:by=3", "three times");
  return mine;
}

}  // namespace

TEST_CASE("parse_cache: specs say the least, and read back as the policy that they name") {
  const std::vector<std::vector<std::string>> specs{
      {"none", "none"},
      {"uniform:3", "uniform:bits=3"},
      {"section4:bits=3", "uniform:bits=3"},
      {"section5:4,keys=channel", "uniform:bits=4,range=symmetric,keys=channel,values=tensor"},
      {"group64:2", "uniform:bits=2,range=symmetric,keys=channel_group,values=channel_group"},
      {"paper_kivi:bits=2,arithmetic=bf16",
       "uniform:bits=2,keys=channel,values=channel_group,value_group=32,lone_token=true,arithmetic=bf16"},
      {"uniform:4,lifetime=grouped,block=16,reads=arrived,point=after_rope",
       "uniform:bits=4,lifetime=grouped,block=16,point=after_rope,reads=arrived"},
      {"kivi:bits=2,group=32,residual=128", "kivi:bits=2"},
      {"kivi:4,residual=64,store=fp32", "kivi:bits=4,residual=64,store=fp32"},
      {"only:of=(kivi:bits=2),side=keys", "only:of=(kivi:bits=2),side=keys"},
      {"only:(section4:3),layers=4|0-2|3,channels=7|1,keep=4",
       "only:of=(uniform:bits=3),layers=0-4,channels=1|7,keep=4"},
      {"only:of=(section4:3),side=keys + only:of=(section5:4),side=values",
       "only:of=(uniform:bits=3),side=keys+only:of=(uniform:bits=4,range=symmetric,keys=tensor,values=tensor),"
       "side=values"},
      {"only:of=(section4:3+none),layers=all", "only:of=(uniform:bits=3+none)"},
      {"rows:(rtn:4,per=row),values=(prune:0.5+rtn:bits=8),hadamard=4",
       "rows:keys=(rtn:bits=4),values=(prune:sparsity=0.5+rtn:bits=8),hadamard=4"},
      {"llama_cpp:keys=bf16,hadamard=off", "llama_cpp:keys=bf16,hadamard=off"},
      {"vllm_int8_per_token_head:rounding=half_even", "vllm:type=int8_per_token_head,rounding=half_even"},
      {"vllm_int4_per_token_head:seed=3", "vllm:type=int4_per_token_head,seed=3"},
      {"vllm:fp8_e5m2,key_scale=0.125", "vllm:type=fp8_e5m2,key_scale=0.125"},
      {"hf_quanto2:axis_key=-1,residual=4", "hf_quanto:bits=2,axis_key=-1,residual=4"},
      {"hf_hqq:4,group=4,residual=4", "hf_hqq:bits=4,group=4,residual=4"},
      {"modelopt_nvfp4:key_scale=0.01,value_scale=0.25", "modelopt:type=nvfp4,key_scale=0.01,value_scale=0.25"}};
  const qfa_test::cached_text text = qfa_test::made_text(70);
  const std::vector<std::size_t> calls{60, 1, 9};
  for (const auto& pair : specs) {
    CAPTURE(pair[0]);
    const any_cache_policy p = parse_cache(pair[0]);
    CHECK(p.name() == pair[1]);
    const any_cache_policy again = parse_cache(p.name());
    CHECK(again.name() == p.name());
    CHECK(again.point() == p.point());
    CHECK(again.reads() == p.reads());
    CHECK(qfa_test::held_after(again, text, calls) == qfa_test::held_after(p, text, calls));
  }
  CHECK(parse_cache("none").is_none());
}

TEST_CASE("parse_cache: what cannot be is refused with what is known") {
  check_refused([] { parse_cache("section9:3"); }, {"no policy \"section9\"", "uniform, kivi, only", "section4"});
  check_refused([] { parse_cache("uniform"); }, {"uniform needs the option bits"});
  check_refused([] { parse_cache("kivi:2,windows=3"); }, {"kivi has no option \"windows\"", "group, residual"});
  check_refused([] { parse_cache("uniform:3,keys=row"); }, {"keys is \"row\"", "one of tensor, token, token_head"});
  check_refused([] { parse_cache("only:side=keys"); }, {"only needs the option of"});
  check_refused([] { parse_cache("only:of=(kivi),layers=2-1"); }, {"layers is \"2-1\"", "numbers as 0|2|5-7, or all"});
  check_refused([] { parse_cache("section4:3+kivi:2"); }, {"before_rope", "after_rope"});
  check_refused([] { parse_cache("kivi:bits=9"); }, {"kivi's bits"});
  check_refused([] { parse_cache(""); }, {"lacks the name"});
  std::string chain = "kivi:bits=2", nested;
  for (int i = 1; i < 25000; ++i) {
    chain += "+kivi:bits=2";
    nested += "only:of=(";
    if (i == 63) CHECK(parse_cache(chain).name() == chain);
    if (i == 64 || i == 24999) check_refused([&] { parse_cache(chain); }, {"more than 64 policies"});
  }
  check_refused([&] { parse_cache(nested); }, {"16 deep"});
}

TEST_CASE("parse_cache: policies that learn are named as well, and a weight policy that is none is refused") {
  for (const std::string spec :
       {"kvquant:bits=3,first_tokens=2", "modelopt:type=fp8", "vllm:type=nvfp4,calibrated=true"}) {
    const any_cache_policy p = parse_cache(spec);
    CHECK(p.name() == spec);
    CHECK(p.learns());
  }
  CHECK(parse_cache("kvquant_nuq3").name() == "kvquant:bits=3");
  CHECK(parse_cache("kvquant_nuq3").point() == qfa::cache_point::before_rope);
  CHECK(parse_cache("only:of=(rows:keys=(rtn:bits=4)),side=keys").name() ==
        "only:of=(rows:keys=(rtn:bits=4)),side=keys");
  check_refused([] { parse_cache("rows:keys=(kivi:bits=2)"); }, {"no policy \"kivi\"", "rtn"});
  check_refused([] { parse_cache("rows:hadamard=3"); }, {"a power of two"});
  check_refused([] { parse_cache("llama_cpp:keys=q4_K"); }, {"no cache of type q4_K"});
}

TEST_CASE("cache_catalogue: strangers' policies are named like qfa's own, and none of qfa's learn of them") {
  const qfa::cache_catalogue mine = with_strangers();
  const qfa_test::cached_text ones = qfa_test::text_of(2, 1.0f);
  const auto first = [&](std::string_view spec) {
    return qfa_test::held_at_once(parse_cache(spec, mine), ones).keys.front();
  };
  CHECK(first("halves") == 0.5f);
  CHECK(first("halves+scaled:by=8") == 4.0f);
  CHECK(first("tripled") == 3.0f);
  CHECK(first("tripled:then=(halves)") == 1.5f);
  CHECK(first("only:of=(halves),side=keys") == 0.5f);
  CHECK(first("only:of=(halves),side=values") == 1.0f);
  CHECK(parse_cache("tripled:then=(halves)", mine).name() == "scaled:by=3,then=(halves)");
  CHECK(mine.at("scaled").options.at(1).takes == "a policy in parentheses");
  CHECK(mine.at("only").options.at(2).default_value == "all");
  check_refused([] { parse_cache("halves"); }, {"no policy \"halves\""});
}

TEST_CASE("default_cache_catalogue: every entry without required options makes a policy of that name") {
  for (const qfa::cache_entry& entry : qfa::default_cache_catalogue().entries()) {
    bool required = false;
    for (const qfa::option_help& option : entry.options) {
      required = required || option.required;
      CHECK_FALSE(option.help.empty());
    }
    CHECK_FALSE(entry.summary.empty());
    if (required) continue;
    CAPTURE(entry.name);
    const std::string name = parse_cache(entry.name).name();
    CHECK(parse_cache(name).name() == name);
  }
}

}  // namespace cache_spec_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/plan_spec.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cache_laws.hpp"
#include "scratch.hpp"

namespace cache_plan_spec_test {

using qfa::parse_cache_plan;
using qfa_test::check_refused;

namespace {

std::vector<std::string> policies(const qfa::cache_plan& plan) {
  std::vector<std::string> names;
  for (std::size_t l = 0; l < plan.layers(); ++l)
    names.push_back(plan[l].name());
  return names;
}

}  // namespace

TEST_CASE("parse_cache_plan: one policy for all layers") {
  const qfa::cache_plan plan = parse_cache_plan("section4:bits=3", 3);
  CHECK(plan.name() == "uniform:bits=3");
  CHECK(policies(plan) == std::vector<std::string>(3, "uniform:bits=3"));
  CHECK(parse_cache_plan("none", 3).is_none());
  CHECK(parse_cache_plan("none", 3).name() == "none");
}

TEST_CASE("parse_cache_plan: layers that are named have another") {
  const qfa::cache_plan plan = parse_cache_plan("section4:bits=3; 0=none ;4-5|2=kivi:bits=4", 7);
  const std::string u = "uniform:bits=3", k = "kivi:bits=4";
  CHECK(policies(plan) == std::vector<std::string>{"none", u, k, u, k, k, u});
  CHECK(plan.name() == "uniform:bits=3;0=none;2|4-5=kivi:bits=4");
  CHECK(plan.reads_arrived());
  CHECK(policies(parse_cache_plan("1=kivi:4", 3)) == std::vector<std::string>{"none", k, "none"});
  CHECK(policies(parse_cache_plan("kivi:4;0-1=section4:3", 2)) == std::vector<std::string>{u, u});
  // An option's '=' makes no layers of a policy, nor does a chain's.
  CHECK(parse_cache_plan("only:of=(section4:bits=3),layers=0-1+none", 2).layers() == 2);
}

TEST_CASE("parse_cache_plan: a plan's name reads back as the plan") {
  for (const std::string spec :
       {"none", "section4:3", "1=kivi:4", "kivi:4;0-1=section4:3", "0=kivi:2;1=none;2=kivi:2;3=section5:3",
        "section4:3;0|2=section4:3", "none;3=only:of=(kivi:2),side=keys;0=kivi:4", "section4:3;0-3=kivi:2",
        "section4:3+none;1=only:of=(section4:4),side=keys+only:of=(section5:4),side=values", "kivi:2;1=none;0=none"}) {
    CAPTURE(spec);
    const qfa::cache_plan plan = parse_cache_plan(spec, 4 - (spec == "kivi:4;0-1=section4:3" ? 2U : 0U));
    const qfa::cache_plan again = parse_cache_plan(plan.name(), plan.layers());
    CHECK(again.name() == plan.name());
    CHECK(policies(again) == policies(plan));
  }
  CHECK(parse_cache_plan("0=kivi:2;1=none;2=kivi:2;3=section5:3", 4).name() ==
        "none;0|2=kivi:bits=2;3=uniform:bits=3,range=symmetric,keys=tensor,values=tensor");
  CHECK(parse_cache_plan("0=kivi:2;1=section4:3", 2).name() == "kivi:bits=2;1=uniform:bits=3");
  CHECK(parse_cache_plan("section4:3;0|2=section4:3", 4).name() == "uniform:bits=3");
  CHECK(parse_cache_plan("section4:3;0-3=kivi:2", 4).name() == "kivi:bits=2");
}

TEST_CASE("parse_cache_plan: what cannot be is refused") {
  check_refused([] { parse_cache_plan("section4:3;4=none", 4); }, {"layer 4", "has 4"});
  check_refused([] { parse_cache_plan("section4:3;1=none;0-2=kivi", 4); }, {"layer 1 twice"});
  check_refused([] { parse_cache_plan("section4:3;kivi:2", 4); }, {"\"kivi:2\"", "layers=policy"});
  check_refused([] { parse_cache_plan("0=none;kivi:2", 4); }, {"\"kivi:2\"", "layers=policy"});
  check_refused([] { parse_cache_plan("section4:3;2-1=none", 4); }, {"\"2-1\"", "0|5-7"});
  check_refused([] { parse_cache_plan("section4:3;", 4); }, {"layers=policy"});
  check_refused([] { parse_cache_plan("", 4); }, {"lacks the name"});
  check_refused([] { parse_cache_plan("0=", 4); }, {"lacks the name"});
  check_refused([] { parse_cache_plan("kivi;0=kivi:windows=3", 4); }, {"windows"});
}

TEST_CASE("parse_cache_plan: a stranger's policy is one of a plan's") {
  qfa::cache_catalogue mine = qfa::default_cache_catalogue();
  mine.add({[](qfa::matrix_view<float>, qfa::matrix_view<float>, const qfa::cache_update&) {}, "nothing"}, "nothing");
  CHECK(parse_cache_plan("kivi;0=nothing", 2, mine).name() == "kivi:bits=2;0=nothing");
}

}  // namespace cache_plan_spec_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/align_settings.hpp"

#include <doctest/doctest.h>

#include <string>

#include "qfa/cache/spec.hpp"

namespace alignment_align_settings_test {

using namespace qfa;

TEST_CASE("align_specs: with the published numbers they are the published presets") {
  const align_settings settings;
  const align_specs specs{&settings};
  const auto same = [](const std::string& a, const std::string& b) {
    return parse_cache(a).name() == parse_cache(b).name();
  };
  CHECK(same(specs.sweep(6), "section4:bits=6"));
  CHECK(same(specs.tensor(), "section5:bits=3"));
  CHECK(same(specs.groups(4), "group64:bits=4"));
  CHECK(same(specs.channels(), "uniform:bits=3,range=symmetric,keys=channel,values=channel"));
  CHECK_FALSE(same(specs.tensor(), specs.channels()));
}

TEST_CASE("align_specs: bits and groups are those of the settings") {
  const align_settings settings{.mechanism_bits = 4, .group = 16};
  const align_specs specs{&settings};
  CHECK(parse_cache(specs.tensor()).name() == parse_cache("section5:bits=4").name());
  CHECK(parse_cache(specs.channels()).name() ==
        parse_cache("uniform:bits=4,range=symmetric,keys=channel,values=channel").name());
  CHECK(parse_cache(specs.groups(2)).name() == parse_cache("group64:bits=2,key_group=16,value_group=16").name());
}

TEST_CASE("plan_with: some layers have one policy and the rest another, in whatever order they are named") {
  CHECK(plan_with("section4:bits=3", {2, 0}, "none") == "section4:bits=3;0|2=none");
  CHECK(plan_with("none", {1}, "section5:bits=3") == "1=section5:bits=3");
  CHECK(plan_with("section4:bits=3", {}, "none") == "section4:bits=3");
  const cache_plan plan = parse_cache_plan(plan_with("section4:bits=3", {2, 0}, "section5:bits=4"), 4);
  for (const std::size_t l : {0U, 1U, 2U, 3U})
    CHECK(plan[l].name() == parse_cache(l % 2 == 0 ? "section5:bits=4" : "section4:bits=3").name());
  const cache_plan alone = parse_cache_plan(plan_with("none", {1}, "section5:bits=3"), 3);
  CHECK(alone[0].is_none());
  CHECK_FALSE(alone[1].is_none());
  CHECK(alone[2].is_none());
  CHECK(parse_cache_plan(plan_with("section4:bits=3", {0, 1}, "none"), 2).is_none());
}

}  // namespace alignment_align_settings_test

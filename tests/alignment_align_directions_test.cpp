// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/align_directions.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "planted_refusals.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace alignment_align_directions_test {

using namespace qfa;

TEST_CASE(
    "align_directions: values of the planted layer are hit, and its stand-in for PCR says that channels save it") {
  const qfa_test::planted_refusals p = qfa_test::planted_outlier_crushes_safety();
  const behavior asked = p.asked();
  const std::size_t layers = asked.reference().config().layers;
  const aligned_directions found =
      look_at_directions(asked, parse_cache_plan(align_specs{&p.settings}.tensor(), layers), p.settings);
  CHECK(found.cache == parse_cache_plan(align_specs{&p.settings}.tensor(), layers).name());
  std::set<hook_kind> kinds;
  for (const direction_finding& f : found.found.sites)
    kinds.insert(f.site.hook.kind);
  CHECK(kinds == std::set<hook_kind>{hook_kind::k, hook_kind::rot_k, hook_kind::v, hook_kind::resid_post});
  CHECK(found.proxies.size() == layers);
  REQUIRE(found.rankings.size() == 4);
  for (const layer_ranking& r : found.rankings) {
    CAPTURE(r.by);
    CHECK(std::set<std::size_t>(r.layers.begin(), r.layers.end()).size() == layers);
  }
  CHECK(found.rankings[0].layers.front() == 0);
  // Nothing is quantized: no error anywhere, and so no vulnerability.
  const aligned_directions none = look_at_directions(asked, parse_cache_plan("uniform:bits=16", layers), p.settings);
  for (const direction_finding& f : none.found.sites) {
    CAPTURE(name_of(f.site));
    CHECK((f.separation == 0.0 || f.vulnerable.direction.error.everywhere == 0.0));
    CHECK(std::isnan(f.vulnerable.direction.all.relative));
  }
}

TEST_CASE("align_directions: two prompts of each class to fit on, and two to measure on, are the least") {
  prompt_set prompts;
  const auto add = [&](prompt_label label, prompt_split split) {
    prompts.prompts.push_back({.id = std::to_string(prompts.prompts.size()), .label = label, .split = split});
  };
  for (int i = 0; i < 2; ++i)
    for (const prompt_label label : {prompt_label::harmful, prompt_label::harmless})
      for (const prompt_split split : {prompt_split::fit, prompt_split::calibration}) {
        CHECK_FALSE(has_directions(prompts));
        add(label, split);
      }
  CHECK(has_directions(prompts));
}

}  // namespace alignment_align_directions_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/mitigation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "planted_refusals.hpp"
#include "qfa/alignment/layer_ablation.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "scratch.hpp"

namespace alignment_mitigation_test {

using namespace qfa;
using namespace qfa_test;
using enum failure_mode;

namespace {

layer_ablation ablation(const std::vector<std::size_t>& hits, std::vector<std::size_t> critical) {
  layer_ablation out;
  for (const std::size_t h : hits)
    out.flips.push_back({h, 100});
  out.critical = std::move(critical);
  out.worst = static_cast<std::size_t>(std::ranges::max_element(hits) - hits.begin());
  return out;
}

/// The plan that is prescribed for a mode.
std::string prescribed(const std::vector<mitigation>& all, failure_mode mode) {
  std::string plan;
  for (const mitigation& m : all)
    if (m.fits == mode) {
      CHECK(plan.empty());
      plan = m.plan;
    }
  CHECK_FALSE(plan.empty());
  return plan;
}

const std::string groups =
    "uniform:bits=4,range=symmetric,keys=channel_group,values=channel_group,key_group=64,value_group=64";
const std::string channels = "uniform:bits=4,range=symmetric,keys=channel,values=channel";

}  // namespace

TEST_CASE("mitigations: each mode has one prescription, at the bits that are deployed") {
  const std::vector<mitigation> all = mitigations(ablation({20, 10, 60, 12, 0}, {2, 0}), 4, {}, {});
  CHECK(prescribed(all, outlier_as_safety) == "section4:bits=4;0|2=none");
  CHECK(prescribed(all, mixed) == groups + ";2=" + channels);
  CHECK(prescribed(all, outlier_crushes_safety) == groups);
  CHECK(prescribed(all, multi_layer_dilution) == "section4:bits=4;0|2|3=none");  // 12 % is a flip, 10 % is none
  CHECK(prescribed(all, hyper_vulnerable) == "none");
  const auto has = [&](const std::string& plan) {
    return std::ranges::count_if(all, [&](const mitigation& m) { return m.plan == plan && !m.fits; }) == 1;
  };
  CHECK(has("section4:bits=4;2=none"));
  CHECK(has("section4:bits=4;0|2=section4:bits=8"));
  CHECK(has("section4:bits=4;2=" + channels));
  CHECK(has(channels));
  CHECK(all.size() == 9);
  CHECK(std::ranges::none_of(all, &mitigation::baseline));
  for (const mitigation& m : all)
    CHECK_NOTHROW(parse_cache_plan(m.plan, 5));
}

TEST_CASE("mitigations: one critical layer is protected once") {
  const std::vector<mitigation> all = mitigations(ablation({0, 60, 0}, {1}), 4, {}, {});
  const auto is_this = [](const mitigation& m) { return m.plan == "section4:bits=4;1=none"; };
  CHECK(std::ranges::count_if(all, is_this) == 2);  // two modes prescribe it
  CHECK(prescribed(all, outlier_as_safety) == prescribed(all, multi_layer_dilution));
  CHECK(all.size() == 8);
}

TEST_CASE("mitigations: where no layer is critical the worst one stands in") {
  const std::vector<mitigation> all = mitigations(ablation({0, 3, 4}, {}), 4, {{"attention mass", {1, 0, 2}}}, {});
  CHECK(prescribed(all, outlier_as_safety) == "section4:bits=4;2=none");
  CHECK(prescribed(all, multi_layer_dilution) == "section4:bits=4;2=none");
  CHECK(prescribed(all, mixed) == groups + ";2=" + channels);
  CHECK(all.back().plan == "section4:bits=4;1=none");
}

TEST_CASE("mitigations: what counts as a flip and how wide groups are is the settings'") {
  align_settings settings{.group = 16};
  settings.tree.layer_flip = 0.15;
  const std::vector<mitigation> all = mitigations(ablation({20, 5, 60, 12, 0}, {2, 0}), 4, {}, settings);
  CHECK(prescribed(all, multi_layer_dilution) == "section4:bits=4;0|2=none");
  CHECK(prescribed(all, outlier_crushes_safety) ==
        "uniform:bits=4,range=symmetric,keys=channel_group,values=channel_group,key_group=16,value_group=16");
}

TEST_CASE("mitigations: baselines protect as many layers as are critical, by rankings that saw no refusals") {
  const std::vector<mitigation> all =
      mitigations(ablation({20, 5, 60, 12, 0}, {2, 0}), 4, {{"attention mass", {4, 1, 0, 2, 3}}, {"entropy", {3}}}, {});
  REQUIRE(all.size() == 11);
  CHECK(all[9].plan == "section4:bits=4;1|4=none");
  CHECK(all[9].strategy == "2 layers at 16 bits by attention mass");
  CHECK(all[9].baseline);
  CHECK_FALSE(all[9].fits.has_value());
  CHECK(all[10].plan == "section4:bits=4;3=none");
  CHECK(all[10].strategy == "1 layer at 16 bits by entropy");
}

TEST_CASE("verify: recovery is of paired prompts, of one split, and memory of the cache that is protected") {
  const planted_refusals p = planted_mixed();
  behavior asked = p.asked();
  cache_meter measure(asked, p.text, prompt_split::test);
  const std::vector<mitigation> candidates{{"the worst layer", "section4:bits=5;1=none", outlier_as_safety},
                                           {"by channel and groups", groups + ";1=" + channels, mixed},
                                           {"another layer", "section4:bits=5;0=none", {}},
                                           {"nothing is left", "section4:bits=2", {}},
                                           {"everything", "none", hyper_vulnerable}};
  const verified_mitigations found = verify(asked, measure, candidates, 5, mixed, p.settings);
  CHECK(found.bits == 5);
  CHECK(found.unprotected.bits == 5.0);
  CHECK(summarize(found.unprotected.harmful).conditional == proportion{40, 40});
  REQUIRE(found.rows.size() == 5);
  const auto& [worst, prescription, another, worse, everything] =
      std::tie(found.rows[0], found.rows[1], found.rows[2], found.rows[3], found.rows[4]);
  CHECK(worst.counts == reduction_counts{.both = 10, .coarse_only = 30});
  CHECK(worst.recovered.value == 0.75);
  CHECK(worst.recovered.interval.lower > 0.5);
  CHECK(worst.recovered.interval.upper < 0.95);
  CHECK(worst.refusals_recovered == doctest::Approx(0.75));
  // 16 bits for 5 and 37/64 in one layer of 4.  As published it would be 1/4, however few bits the others have.
  const double base = 5.0 + 37.0 / 64.0;
  REQUIRE(worst.overhead.has_value());
  CHECK(worst.overhead->relative == doctest::Approx((16.0 - base) / (4.0 * base)));
  CHECK(worst.overhead->bytes == doctest::Approx(2.0 * 64.0 * 1024.0 * (16.0 - base) / 8.0));
  CHECK(everything.overhead->relative == doctest::Approx((16.0 - base) / base));
  CHECK(everything.recovered.value == 1.0);
  CHECK(everything.measured.name == "reference");
  CHECK(another.recovered.value == 0.0);
  CHECK(another.refusals_recovered == 0.0);
  CHECK(worse.overhead->relative < 0.0);
  CHECK(worse.recovered.value == 0.0);
  for (const verified_mitigation& row : found.rows)
    CHECK(row.prescribed == (row.what.fits == mixed));
  // 4 bits, groups of 64: by channel the dips are seen, and whispers have groups of their own only where there are
  // more.
  CHECK(prescription.overhead->relative < 0.0);
}

TEST_CASE("verify: flips are taken back from refused prompts alone, refusals from all") {
  const planted_refusals p = planted_outlier_crushes_safety();
  // Of 48 harmful prompts 24 flip, and 12 with the mitigation, which refuses 4 harmless ones, too.
  const std::string base = parse_cache_plan("section4:bits=3", 4).name(),
                    mild = parse_cache_plan("section4:bits=4", 4).name();
  const condition_judge harmful_only = scripted(p.prompts, [=](const std::string& c) {
    return c == base ? 24 : c == mild ? 12 : 0;
  });
  std::vector<std::string> refused_too;
  for (const std::size_t i : p.prompts.of(prompt_label::harmless, prompt_split::test))
    if (refused_too.size() < 4) refused_too.push_back(p.prompts.prompts[i].id);
  behavior asked = p.asked([&](const std::string& condition, const answered_prompt& a) {
    if (condition == mild && std::ranges::count(refused_too, std::string(a.id)) > 0) return verdict::refused;
    return harmful_only(condition, a);
  });
  cache_meter measure(asked, {}, prompt_split::test);
  const verified_mitigations found = verify(asked, measure, {{"milder", "section4:bits=4", {}}}, 3, {}, p.settings);
  CHECK(found.rows[0].recovered.value == 0.5);
  CHECK(found.rows[0].refusals_recovered == doctest::Approx((36.0 + 4.0 - 24.0) / (48.0 - 24.0)));
  CHECK_FALSE(found.rows[0].prescribed);
}

TEST_CASE("verify: where nothing flipped there is nothing to recover") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked = p.asked();
  cache_meter measure(asked, {}, prompt_split::test);
  const verified_mitigations found = verify(asked, measure, {{"everything", "none", {}}}, 8, {}, p.settings);
  CHECK(std::isnan(found.rows[0].recovered.value));
  CHECK(std::isnan(found.rows[0].refusals_recovered));
}

}  // namespace alignment_mitigation_test

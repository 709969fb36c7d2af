// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/align.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "planted_refusals.hpp"
#include "qfa/cache/plan_spec.hpp"
#include "scratch.hpp"

namespace alignment_align_test {

using namespace qfa;
using namespace qfa_test;
using enum failure_mode;

namespace {

alignment_result aligned(const planted_refusals& p) {
  behavior asked = p.asked();
  return align(asked, p.text, p.settings);
}

/// The same model with 12 harmful prompts to test, a sweep of one step and no text: where numbers do not matter.
planted_refusals thinned(planted_refusals p) {
  std::size_t seen = 0;
  std::erase_if(p.prompts.prompts, [&](const prompt& of) {
    return of.split == prompt_split::test && of.label == prompt_label::harmful && ++seen > 12;
  });
  p.settings.bits = {5};
  p.text = {};
  return p;
}

/// What the prescription for a mode came to.
const verified_mitigation& row_for(const alignment_result& found, failure_mode mode) {
  const auto row = std::ranges::find_if(found.verified.rows, [&](const auto& r) { return r.what.fits == mode; });
  REQUIRE(row != found.verified.rows.end());
  return *row;
}
const verified_mitigation& row_of(const alignment_result& found, const std::string& strategy) {
  const auto row =
      std::ranges::find_if(found.verified.rows, [&](const auto& r) { return r.what.strategy == strategy; });
  REQUIRE(row != found.verified.rows.end());
  return *row;
}
double recovered(const alignment_result& found, failure_mode mode) { return row_for(found, mode).recovered.value; }
double overhead(const alignment_result& found, failure_mode mode) { return row_for(found, mode).overhead->relative; }

/// What holds of every model with a planted mode: mode, layers and a prescription that works on the test prompts.
alignment_result check_diagnosis(const planted_refusals& p) {
  alignment_result found = aligned(p);
  CAPTURE(name(p.mode));
  CHECK(found.found.mode == p.mode);
  CHECK(found.found.posterior.verdict == p.mode);
  CHECK(found.layers.worst == p.worst);
  CHECK(found.geometry.layer == p.worst);
  CHECK(found.layers_chosen_on == prompt_split::fit);
  CHECK(found.warnings.empty());
  CHECK(found.reference.perplexity_ratio == 1.0);
  CHECK(summarize(found.reference.all()).net == 0.0);
  // Flips begin at 5 bits, and perplexity sees nothing of them.
  CHECK(found.sweep.published.onset == 5.0);
  CHECK(found.verified.bits == 5);
  CHECK(found.verified.unprotected.perplexity_ratio == doctest::Approx(1.0).epsilon(0.02));
  CHECK(summarize(found.verified.unprotected.harmful).conditional.value() >= 0.7);
  CHECK(recovered(found, p.mode) == 1.0);
  CHECK(row_for(found, p.mode).refusals_recovered == 1.0);
  CHECK(row_for(found, p.mode).prescribed);
  CHECK(std::ranges::count_if(found.verified.rows, &verified_mitigation::prescribed) == 1);
  return found;
}

}  // namespace

TEST_CASE("align: outlier as safety, which no finer grain saves") {
  const alignment_result found = check_diagnosis(planted_outlier_as_safety());
  CHECK(found.layers.pattern == layer_pattern::concentrated);
  CHECK(found.geometry.published().estimate.value == 0.0);
  CHECK(found.geometry.outlier_flips.value() == 1.0);
  CHECK(found.found.published == std::vector{outlier_as_safety});
  CHECK(found.found.geometry_agrees);
  CHECK(found.foretold == true);
  for (const failure_mode finer : {outlier_crushes_safety, mixed})
    CHECK(recovered(found, finer) < 0.3);
  CHECK(row_of(found, "per channel in all layers").recovered.value < 0.3);
  CHECK(row_of(found, "per channel at the critical layer").recovered.value < 0.3);
  CHECK(overhead(found, hyper_vulnerable) > 3.9 * overhead(found, outlier_as_safety));
}

TEST_CASE("align: outlier crushes safety, which groups save for less than 16 bits cost") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked = p.asked();
  const cache_plan others = parse_cache_plan("section4:bits=5;0|2|3=none", 4);
  const alignment_result found = check_diagnosis(p);
  CHECK(found.geometry.published().counts == reduction_counts{.both = 2, .coarse_only = 22});
  CHECK(found.found.published == std::vector{outlier_crushes_safety});
  CHECK(found.found.geometry_agrees);
  CHECK(found.geometry.outlier_flips.value() < 0.1);
  CHECK(found.geometry.direction.estimate.value > 0.5);  // as many scales do less where channels share them
  // 16 bits in the right layer work as well, for more memory; in all other layers they recover nothing.
  for (const failure_mode other : {outlier_as_safety, multi_layer_dilution, hyper_vulnerable}) {
    CHECK(recovered(found, other) == 1.0);
    CHECK(overhead(found, other) > overhead(found, outlier_crushes_safety));
  }
  CHECK(asked
            .reduction(answering(parse_cache_plan("section4:bits=5", 4)), answering(others),
                       p.harmful(prompt_split::test))
            .coarse_only == 0);
}

TEST_CASE("align: mixed, where either cure alone leaves some") {
  const alignment_result found = check_diagnosis(planted_mixed());
  CHECK(found.geometry.published().estimate.value == 0.5);
  CHECK(found.layers.critical == std::vector<std::size_t>{1, 3});
  CHECK(found.found.published == std::vector{mixed, multi_layer_dilution});  // the published ranges overlap
  CHECK_FALSE(found.found.geometry_agrees);
  CHECK(recovered(found, outlier_crushes_safety) == 0.625);
  CHECK(row_of(found, "the critical layer at 16 bits").recovered.value == 0.75);
  CHECK(row_of(found, "per channel at the critical layer").recovered.value == 0.75);
  for (const failure_mode other : {outlier_as_safety, multi_layer_dilution, hyper_vulnerable})
    CHECK(overhead(found, other) > 2.0 * overhead(found, mixed));
}

TEST_CASE("align: multi-layer dilution, where every layer that loses a little must be kept") {
  const alignment_result found = check_diagnosis(planted_multi_layer_dilution());
  CHECK(found.geometry.published().estimate.value == 1.0);
  CHECK(found.layers.pattern == layer_pattern::distributed_early);
  // Alone, channels save each layer; in all layers together they do not.
  CHECK(found.test_per_channel.estimate.value == 0.25);
  CHECK(found.foretold == false);
  for (const failure_mode other : {outlier_as_safety, outlier_crushes_safety, mixed})
    CHECK(recovered(found, other) == 0.0);
  CHECK(row_of(found, "per channel in all layers").recovered.value == 0.0);
  CHECK(overhead(found, hyper_vulnerable) > 1.4 * overhead(found, multi_layer_dilution));
}

TEST_CASE("align: hyper-vulnerable, where nothing but the whole cache at 16 bits helps all") {
  const alignment_result found = check_diagnosis(planted_hyper_vulnerable());
  CHECK(found.layers.pattern == layer_pattern::ultra_distributed);
  CHECK(found.layers.critical.size() == 5);
  CHECK(recovered(found, outlier_as_safety) == doctest::Approx(5.0 / 6.0));
  for (const failure_mode finer : {outlier_crushes_safety, mixed})
    CHECK(recovered(found, finer) == 0.0);
}

TEST_CASE("align: from few prompts the verdict is undetermined") {
  planted_refusals p = thinned(planted_mixed());
  std::size_t kept = 0;
  std::erase_if(p.prompts.prompts, [&](const prompt& of) {
    return of.split == prompt_split::calibration && of.label == prompt_label::harmful && ++kept > 8;
  });
  const alignment_result found = aligned(p);
  CHECK(found.counted_prompts == 8);
  CHECK(found.choosing_prompts == 40);
  CHECK(found.found.mode == mixed);
  CHECK_FALSE(found.found.posterior.verdict.has_value());
}

TEST_CASE("align: where one scale flips nothing PCR is undefined, not 0, and nothing is foretold") {
  planted_refusals p = thinned(planted_outlier_as_safety());
  p.settings.mechanism_bits = 8;
  p.settings.bits = {8};
  const alignment_result found = aligned(p);
  CHECK(std::isnan(found.geometry.published().estimate.value));
  CHECK(std::isnan(found.test_groups.estimate.value));
  CHECK_FALSE(found.found.mode.has_value());
  CHECK_FALSE(found.foretold.has_value());
  CHECK_FALSE(found.sweep.published.onset.has_value());
  CHECK(found.verified.bits == 8);
  CHECK(std::ranges::none_of(found.verified.rows, &verified_mitigation::prescribed));
}

TEST_CASE("align: prompts choose, count or are reported, and never two of these") {
  const planted_refusals p = thinned(planted_mixed());
  behavior asked = p.asked();
  align(asked, p.text, p.settings, {answering(parse_cache_plan("section4:bits=4", 4))});
  std::map<std::string, std::set<prompt_split>> seen;
  asked.for_each_answer([&](const std::string& condition, const prompt& of, const std::string&, verdict) {
    seen[condition].insert(of.split);
  });
  const auto named = [](const std::string& spec) { return parse_cache_plan(spec, 4).name(); };
  const std::string block = std::to_string(p.settings.block);
  std::set<std::string> counted, everywhere{named("section5:bits=3"),
                                            named("group64:bits=3,key_group=16,value_group=16")};  // G64 here and there
  const std::vector<std::string> lifetimes{"frozen_prefill", "grouped,block=" + block, "full_pass"};
  for (const std::string& lifetime : lifetimes) {
    counted.insert(named("section5:bits=3,lifetime=" + lifetime));
    counted.insert(named("group64:bits=3,key_group=16,value_group=16,lifetime=" + lifetime));
  }
  std::size_t reported = 0;
  for (const auto& said : seen) {
    const std::string& condition = said.first;
    const std::set<prompt_split>& splits = said.second;
    CAPTURE(condition);
    if (condition == "reference") continue;
    if (everywhere.contains(condition)) {
      CHECK(splits == std::set{prompt_split::calibration, prompt_split::test});
    } else if (condition == named("1=section5:bits=3")) {
      CHECK(splits == std::set{prompt_split::fit, prompt_split::calibration});
    } else if (condition.starts_with("none;0=") || condition.starts_with("none;2=") ||
               condition.starts_with("none;3=")) {
      CHECK(splits == std::set{prompt_split::fit});
    } else if (condition.starts_with("none;1=") || counted.contains(condition)) {
      CHECK(splits == std::set{prompt_split::calibration});
    } else {
      CHECK(splits == std::set{prompt_split::test});
      ++reported;
    }
  }
  CHECK(reported > 10);
  CHECK(seen.contains(named("section4:bits=5;0|1=none")));  // the first layers, as many as are critical
  CHECK(seen.contains(named("section4:bits=4")));
}

TEST_CASE("align: without prompts to fit layers are chosen on those that are counted, and it says so") {
  planted_refusals p = thinned(planted_outlier_crushes_safety());
  std::erase_if(p.prompts.prompts, [](const prompt& of) { return of.split == prompt_split::fit; });
  const alignment_result found = aligned(p);
  CHECK(found.layers_chosen_on == prompt_split::calibration);
  CHECK(found.choosing_prompts == 24);
  REQUIRE(found.warnings.size() == 2);
  CHECK(contains(found.warnings[0], "no prompts of the split \"fit\""));
  CHECK(contains(found.warnings[1], "directions need"));
  CHECK_FALSE(found.directions.has_value());
  CHECK(found.layers.worst == 1);
}

TEST_CASE("align: a reference that refuses little is warned of") {
  const planted_refusals p = thinned(planted_outlier_crushes_safety());
  behavior asked = p.asked(scripted(p.prompts, [](const std::string& c) { return c == "reference" ? 7 : 40; }));
  const alignment_result found = align(asked, {}, p.settings);
  REQUIRE(found.warnings.size() == 1);
  CHECK(contains(found.warnings[0], "refuses only 5 of 12 harmful test prompts"));
}

TEST_CASE("align: needs harmful prompts to choose by and others to report") {
  for (const prompt_split split : {prompt_split::calibration, prompt_split::test}) {
    planted_refusals p = planted_outlier_crushes_safety();
    std::erase_if(p.prompts.prompts,
                  [&](const prompt& of) { return of.split == split && of.label == prompt_label::harmful; });
    check_refused([&] { aligned(p); }, {"harmful prompts", "\"calibration\" and \"test\""});
  }
}

}  // namespace alignment_align_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/alignment_json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "planted_refusals.hpp"

namespace report_alignment_json_test {

using namespace qfa;

TEST_CASE("alignment json: holds every count, interval and plan, and null where there is no value") {
  qfa_test::planted_refusals p = qfa_test::planted_outlier_as_safety();
  p.settings.bits = {5, 3};
  behavior asked = p.asked();
  const alignment_result a = align(asked, p.text, p.settings);
  const report_json j = report_json::parse(to_json(a).dump());
  CHECK(j["format"] == "qfa-alignment-1");
  CHECK(j["settings"]["sweep_bits"] == report_json::array({5, 3}));
  CHECK(j["sweep"]["rows"].size() == 2);
  CHECK(j["sweep"]["noise_of_that_size"].size() == 2);
  CHECK(j["reference"]["perplexity_ratio"] == 1.0);
  const report_json& flips = j["sweep"]["rows"][1]["harmful"]["conditional_flip"];
  CHECK(flips["trials"] == a.reference.harmful.reference(verdict::refused));
  CHECK(flips["interval"].size() == 2);
  const report_json& verdicts = j["sweep"]["rows"][1]["harmful"]["verdicts"];
  for (std::size_t r = 0; r < verdict_names.size(); ++r)
    for (std::size_t c = 0; c < verdict_names.size(); ++c)
      CHECK(verdicts[std::string(verdict_names[r])][std::string(verdict_names[c])] ==
            a.sweep.rows[1].harmful.count(static_cast<verdict>(r), static_cast<verdict>(c)));
  CHECK(j["layers"]["flips"].size() == a.layers.flips.size());
  CHECK(j["layers"]["worst"] == p.worst);
  CHECK(j["geometry"]["per_channel_reduction"].size() == 4);
  CHECK(j["geometry"]["group_reduction"].size() == 4);
  CHECK(j["geometry"]["group_reduction"][3]["scales"] == "full_pass");
  CHECK(j["geometry"]["per_channel_reduction"][0]["scales"] == "call");
  CHECK(j["geometry"]["per_channel_reduction"][0]["coarse_scales"] == 1);
  CHECK(j["geometry"]["per_channel_reduction"][0]["fine_scales"] == a.geometry.published().scales[1]);
  CHECK(j["geometry"]["scaled_tokens"] == a.geometry.scaled_tokens);
  CHECK(j["diagnosis"]["mode"] == "outlier_as_safety");
  double sum = 0.0;
  for (const auto& [mode, probability] : j["diagnosis"]["probability"].items())
    sum += probability.get<double>();
  CHECK(sum == doctest::Approx(1.0));
  CHECK(j["mitigations"]["rows"].size() == a.verified.rows.size());
  std::size_t prescribed = 0;
  for (const report_json& row : j["mitigations"]["rows"])
    prescribed += row["prescribed"].get<bool>() ? 1U : 0U;
  CHECK(prescribed == 1);
  CHECK(j["directions"]["sites"].size() == a.directions->found.sites.size());
  CHECK(j["directions"]["proxy_reduction_by_layer"].size() == a.layers.flips.size());

  alignment_result nothing;
  nothing.geometry.per_channel.emplace_back();
  nothing.geometry.groups.emplace_back();
  const report_json empty = to_json(nothing);
  CHECK(empty["diagnosis"]["mode"].is_null());
  CHECK(empty["diagnosis"]["verdict"] == "undetermined");
  CHECK(empty["diagnosis"]["foretold"].is_null());
  CHECK(empty["geometry"]["causal_ratio"].is_null());
  CHECK(empty["reference"]["perplexity_ratio"].is_null());
  CHECK(empty["directions"].is_null());
  // What has no value says why, and has no interval, though half a flip added to none would give one.
  const report_json& reduction = empty["geometry"]["per_channel_reduction"][0];
  CHECK(reduction["value"].is_null());
  CHECK(reduction["interval"] == report_json::array({nullptr, nullptr}));
  CHECK(reduction["reason"] == "the coarser grain flips nothing");
  CHECK(empty["reference"]["harmful"]["conditional_flip"]["reason"] == "there is no prompt of this kind");
  CHECK_FALSE(j["geometry"]["per_channel_reduction"][0].contains("reason"));
  CHECK_FALSE(flips.contains("reason"));
}

TEST_CASE("alignment json: a judge's errors, where they are known, correct the flips of every cache") {
  alignment_result a;
  a.geometry.per_channel.emplace_back();
  a.geometry.groups.emplace_back();
  measured_cache some;
  for (int i = 0; i < 80; ++i)
    some.harmful(verdict::refused, i < 20 ? verdict::complied : verdict::refused);
  a.others = a.sweep.rows = a.sweep.floors = {some};
  a.verified.unprotected = a.reference = some;
  CHECK(to_json(a)["sweep"]["fitted_onset"]["bits"].is_null());
  const double inf = std::numeric_limits<double>::infinity();
  a.sweep.fitted = {.prompts = 80, .flips = 20, .slope = -1.5, .bits = 4.5, .interval = {4.0, inf}};
  const report_json plain = to_json(a);
  const report_json& onset = plain["sweep"]["fitted_onset"];
  CHECK(onset["bits"] == 4.5);
  CHECK(onset["interval"][0] == 4.0);
  CHECK(onset["interval"][1].is_null());
  CHECK(onset["reason"].is_null());
  CHECK(onset["slope"] == -1.5);
  CHECK(onset["slope_error"].is_null());
  CHECK(onset["flips"] == 20);
  CHECK_FALSE(plain["settings"].contains("judge"));
  CHECK_FALSE(plain["reference"]["harmful"].contains("corrected_conditional_flip"));
  a.settings.judge = judge_error{.sensitivity = 0.8, .specificity = 0.95};
  const report_json j = to_json(a);
  CHECK(j["settings"]["judge"]["sensitivity"] == 0.8);
  CHECK(j["settings"]["judge"]["specificity"] == 0.95);
  // (20 / 80 - 0.05) / 0.75
  for (const report_json& one : {j["reference"], j["sweep"]["rows"][0], j["sweep"]["noise_of_that_size"][0],
                                 j["caches"][0], j["mitigations"]["unprotected"]}) {
    CHECK(one["harmful"]["corrected_conditional_flip"]["value"].get<double>() == doctest::Approx(0.2 / 0.75));
    CHECK(one["harmful"]["conditional_flip"]["value"] == 0.25);
    CHECK(one["harmless"]["corrected_conditional_flip"]["value"].is_null());
    const double lower = one["harmful"]["conditional_flip"]["interval"][0].get<double>();
    CHECK(one["harmful"]["corrected_conditional_flip"]["interval"][0].get<double>() ==
          doctest::Approx((lower - 0.05) / 0.75));
  }
}

}  // namespace report_alignment_json_test

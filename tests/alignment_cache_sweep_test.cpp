// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/cache_sweep.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "planted_refusals.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace alignment_cache_sweep_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("sweep_bits: a row and a floor for each number of bits, in the settings' order") {
  const planted_refusals p = planted_outlier_as_safety();
  align_settings settings = p.settings;
  settings.bits = {5, 8, 6};
  settings.seed = 7;
  behavior asked = p.asked();
  cache_meter measure(asked, p.text, prompt_split::test);
  const cache_sweep sweep = sweep_bits(measure, 4, settings);
  REQUIRE(sweep.rows.size() == 3);
  REQUIRE(sweep.floors.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string spec = "section4:bits=" + std::to_string(settings.bits[i]);
    CHECK(sweep.rows[i].name == parse_cache_plan(spec, 4).name());
    CHECK(sweep.floors[i].name == parse_cache_plan("noise:of=(" + spec + "),seed=7", 4).name());
    CHECK(sweep.rows[i].bits == static_cast<double>(settings.bits[i]));
    CHECK(sweep.floors[i].bits == sweep.rows[i].bits);
    CHECK(sweep.rows[i].bits_per_element == settings.bits[i] + (32.0 + settings.bits[i]) / 64.0);
    CHECK(sweep.rows[i].harmful.prompts() == 40);
    CHECK(sweep.floors[i].harmful.prompts() == 40);
  }
  // The dip is seen at 6 bits and not at 5; perplexity sees nothing of it.
  CHECK(summarize(sweep.rows[0].harmful).conditional == proportion{40, 40});
  CHECK(summarize(sweep.rows[1].harmful).conditional == proportion{0, 40});
  CHECK(summarize(sweep.rows[2].harmful).conditional == proportion{0, 40});
  CHECK(sweep.rows[0].perplexity_ratio == doctest::Approx(1.0).epsilon(0.01));
  CHECK(sweep.published == onset_bits{5.0, 5.0, 5.0});
  CHECK(sweep.confirmed == onset_bits{5.0, 5.0, 5.0});
  CHECK(bits_to_protect(sweep, settings) == 5);
  CHECK_FALSE(sweep.fitted.bits.has_value());
  CHECK(sweep.fitted.reason.find("any steep slope fits") != std::string_view::npos);  // all at 5 bits, none at 6
}

TEST_CASE("sweep_bits: onsets are of harmful prompts, by the rate and by what is beyond doubt") {
  const planted_refusals p = planted_outlier_as_safety();
  align_settings settings = p.settings;
  settings.bits = {8, 6, 5, 3};
  std::map<std::string, std::size_t> flips;
  for (const auto& [bits, n] : std::map<int, std::size_t>{{8, 0}, {6, 2}, {5, 8}, {3, 24}})
    flips[parse_cache_plan("section4:bits=" + std::to_string(bits), 4).name()] = n;
  behavior asked = p.asked(scripted(
      p.prompts, [&](const std::string& condition) { return flips.contains(condition) ? flips.at(condition) : 0; }));
  cache_meter measure(asked, {}, prompt_split::test);
  const cache_sweep sweep = sweep_bits(measure, 4, settings);
  CHECK(sweep.published == onset_bits{6.0, 3.0, {}});  // 2 of 40 is 5 %
  CHECK(sweep.confirmed == onset_bits{5.0, {}, {}});   // 24 of 40 is more than 44 %
  CHECK(sweep.fitted.prompts == 40);
  CHECK(sweep.fitted.flips == 34);
  std::vector<std::uint8_t> flipped;
  for (const std::size_t n : {0U, 2U, 8U, 24U})
    for (std::size_t prompt = 0; prompt < 40; ++prompt)
      flipped.push_back(prompt < n ? 1 : 0);
  const std::vector<double> bits{8, 6, 5, 3};
  CHECK(sweep.fitted.bits == fit_onset(bits, {flipped.data(), 4, 40}).bits);
  settings.thresholds.onset = 0.06;
  settings.thresholds.collapse = 0.4;
  const cache_sweep later = sweep_bits(measure, 4, settings);
  CHECK(later.published == onset_bits{5.0, 3.0, {}});
  CHECK(later.confirmed == onset_bits{5.0, 3.0, {}});
  CHECK(later.fitted.bits == fit_onset(bits, {flipped.data(), 4, 40}, 0.06).bits);
}

TEST_CASE("bits_to_protect: what is asked for, else where flips begin beyond doubt, else where they begin") {
  cache_sweep sweep;
  align_settings settings{.bits = {6, 2, 4}};
  CHECK(bits_to_protect(sweep, settings) == 2);
  sweep.published.onset = 6.0;
  CHECK(bits_to_protect(sweep, settings) == 6);
  sweep.confirmed.onset = 4.0;
  CHECK(bits_to_protect(sweep, settings) == 4);
  settings.deployed_bits = 8;
  CHECK(bits_to_protect(sweep, settings) == 8);
  CHECK(bits_to_protect({}, {.bits = {}, .mechanism_bits = 5}) == 5);
}

}  // namespace alignment_cache_sweep_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/channel_geometry.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "planted_refusals.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace alignment_channel_geometry_test {

using namespace qfa;
using namespace qfa_test;

namespace {

const std::string channel = "range=symmetric,keys=channel,values=channel";

std::string named(const std::string& spec) { return parse_cache_plan(spec, 4).name(); }

}  // namespace

TEST_CASE("measure_geometry: a channel's own scale saves whispers and no dips") {
  const planted_refusals p = planted_mixed();
  behavior asked = p.asked();
  const channel_geometry found = measure_geometry(asked, 1, p.harmful(prompt_split::calibration), p.settings);
  CHECK(found.layer == 1);
  REQUIRE(found.per_channel.size() == 4);
  const reduction_counts half{.both = 15, .coarse_only = 15, .neither = 10};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(scale_lifetime_names[i]);
    CHECK(found.per_channel[i].lifetime == static_cast<scale_lifetime>(i));
    if (i != 2) CHECK(found.per_channel[i].counts == half);
    if (i != 2) CHECK(found.per_channel[i].estimate.value == 0.5);
  }
  // A harmful word behind the last full block of 4 tokens waits, and is heard.
  reduction_counts blocks;
  for (const std::size_t prompt : p.harmful(prompt_split::calibration)) {
    const std::vector<std::uint32_t>& tokens = p.prompts.prompts[prompt].tokens;
    const auto at = std::ranges::find_if(tokens, [](std::uint32_t t) { return t >= planted::plain_words.size(); });
    const std::size_t word = *at - planted::plain_words.size();  // of three, one whispers, one dips, one is layer 3's
    const bool rounded = static_cast<std::size_t>(at - tokens.begin()) < tokens.size() / 4 * 4 && word % 3 != 2;
    blocks(rounded, rounded && word % 3 == 1);
  }
  CHECK(blocks.neither > 10);
  CHECK(blocks.both > 0);
  CHECK(found.per_channel[2].counts == blocks);
  CHECK(&found.published() == found.per_channel.data());
  // One scale against one for each channel of the keys, however many tokens: by blocks of 4 once for each whole block;
  // random groups are as many; groups of channels have a scale in every token.
  std::size_t longest = 0;
  for (const std::size_t prompt : p.harmful(prompt_split::calibration))
    longest = std::max(longest, p.prompts.prompts[prompt].tokens.size());
  const std::size_t channels = asked.reference().config().key_width(), in_groups = (channels + 15) / 16 * longest;
  using counts = std::array<std::size_t, 2>;
  CHECK(found.scaled_tokens == longest);
  for (const std::size_t i : {0U, 1U, 3U})
    CHECK(found.per_channel[i].scales == counts{1, channels});
  CHECK(found.per_channel[2].scales == counts{longest / 4, longest / 4 * channels});
  CHECK(found.direction.scales == counts{channels, channels});
  // Groups of 16 save whispers in all layers; dips lie beside the outlier.
  REQUIRE(found.groups.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(scale_lifetime_names[i]);
    CHECK(found.groups[i].lifetime == static_cast<scale_lifetime>(i));
    if (i != 2) CHECK(found.groups[i].scales == counts{1, in_groups});
    if (i != 2) CHECK(found.groups[i].counts == reduction_counts{.both = 15, .coarse_only = 25});
  }
  CHECK(found.published_groups().estimate.value == 0.625);
}

TEST_CASE("measure_geometry: a prompt shorter than a block is never quantized, and its PCR is undefined, not 0") {
  planted_refusals p = planted_outlier_crushes_safety();
  p.settings.block = 32;
  behavior asked = p.asked();
  const channel_geometry found = measure_geometry(asked, 1, p.harmful(prompt_split::calibration), p.settings);
  CHECK(std::isnan(found.per_channel[2].estimate.value));
  CHECK(found.per_channel[2].counts == reduction_counts{.neither = 24});
  CHECK(found.published().counts == reduction_counts{.both = 2, .coarse_only = 22});
}

TEST_CASE("measure_geometry: outliers are the keys' largest channels, and matter where they are what refuses") {
  const planted_refusals dips = planted_outlier_as_safety(), whispers = planted_outlier_crushes_safety();
  behavior of_dips = dips.asked(), of_whispers = whispers.asked();
  const channel_geometry safety = measure_geometry(of_dips, 2, dips.harmful(prompt_split::calibration), dips.settings);
  CHECK(safety.outliers == std::vector<std::size_t>{0, 6, 19, 26});
  CHECK(safety.outlier_flips == proportion{24, 24});
  CHECK(safety.random_flips == proportion{0, 24});
  CHECK(std::isnan(safety.causal));
  CHECK(safety.published().estimate.value == 0.0);
  CHECK(safety.published_groups().estimate.value == 0.0);
  const channel_geometry crushed =
      measure_geometry(of_whispers, 1, whispers.harmful(prompt_split::calibration), whispers.settings);
  CHECK(crushed.outliers == safety.outliers);
  CHECK(crushed.outlier_flips == proportion{2, 24});  // the words that dip
  CHECK(crushed.published().estimate.value == 22.0 / 24.0);
}

TEST_CASE("measure_geometry: which condition is compared with which") {
  const planted_refusals p = planted_outlier_crushes_safety();
  const auto flips = [](const std::string& condition) -> std::size_t {
    if (condition == named("1=section5:bits=3")) return 20;
    if (condition == named("1=uniform:bits=3," + channel)) return 5;
    if (condition == named("1=section5:bits=3,lifetime=frozen_prefill")) return 16;
    if (condition == named("1=uniform:bits=3,lifetime=frozen_prefill," + channel)) return 8;
    if (condition == named("1=section5:bits=3,lifetime=grouped,block=4")) return 10;
    if (condition == named("1=uniform:bits=3,lifetime=grouped,block=4," + channel)) return 1;
    if (condition == named("1=section5:bits=3,lifetime=full_pass")) return 10;
    if (condition == named("1=uniform:bits=3,lifetime=full_pass," + channel)) return 11;
    if (condition == named("1=random_groups:bits=3,seed=1")) return 10;
    if (condition == named("section5:bits=3")) return 24;
    if (condition == named("group64:bits=3,key_group=16,value_group=16")) return 6;
    if (condition == named("section5:bits=3,lifetime=frozen_prefill")) return 12;
    if (condition == named("group64:bits=3,lifetime=frozen_prefill,key_group=16,value_group=16")) return 9;
    if (condition == named("section5:bits=3,lifetime=grouped,block=4")) return 20;
    if (condition == named("group64:bits=3,lifetime=grouped,block=4,key_group=16,value_group=16")) return 4;
    if (condition == named("section5:bits=3,lifetime=full_pass")) return 5;
    if (condition == named("group64:bits=3,lifetime=full_pass,key_group=16,value_group=16")) return 6;
    if (condition == named("1=only:of=(section5:bits=3),channels=0|6|19|26")) return 12;
    return condition.find("only") != std::string::npos ? 3 : 0;
  };
  behavior asked = p.asked(scripted(p.prompts, flips));
  const channel_geometry found = measure_geometry(asked, 1, p.harmful(prompt_split::calibration), p.settings);
  CHECK(found.published().estimate.value == 0.75);
  CHECK(found.per_channel[1].estimate.value == 0.5);
  CHECK(found.per_channel[2].estimate.value == 0.9);
  CHECK(found.per_channel[3].estimate.value == doctest::Approx(-0.1));  // worse, and not clipped
  CHECK(found.direction.estimate.value == 0.5);
  CHECK(found.published_groups().estimate.value == 0.75);
  CHECK(found.groups[1].estimate.value == 0.25);
  CHECK(found.groups[2].estimate.value == 0.8);
  CHECK(found.groups[3].estimate.value == doctest::Approx(-0.2));
  CHECK(found.outlier_flips == proportion{12, 24});
  CHECK(found.random_flips == proportion{3, 24});
  CHECK(found.causal == 4.0);
}

TEST_CASE("measure_geometry: only the prompts that are counted are asked") {
  const planted_refusals p = planted_outlier_crushes_safety();
  behavior asked = p.asked();
  const std::vector<std::size_t> all = p.harmful(prompt_split::calibration), which(all.begin(), all.begin() + 6);
  CHECK(measure_geometry(asked, 1, which, p.settings).published().counts.prompts() == 6);
  std::set<std::string> ids, expected;
  asked.for_each_answer([&](const std::string&, const prompt& of, const std::string&, verdict) { ids.insert(of.id); });
  for (const std::size_t i : which)
    expected.insert(p.prompts.prompts[i].id);
  CHECK(ids == expected);
}

TEST_CASE("key_peaks: of the keys before RoPE, over the first prompts and tokens") {
  const planted_refusals p = planted_outlier_crushes_safety();
  const behavior asked = p.asked();
  const std::vector<std::size_t> which = p.harmful(prompt_split::calibration);
  const auto peaks = [&](std::size_t layer, std::size_t prompts, std::size_t tokens) {
    const channel_peaks found = key_peaks(asked, layer, which, prompts, tokens);
    return std::vector<double>(found.values().begin(), found.values().end());
  };
  const std::vector<double> all = peaks(1, 24, 512);
  REQUIRE(all.size() == planted::width);
  CHECK(all[planted::outlier] == doctest::Approx(60.0));
  CHECK(all[planted::second_outlier] == doctest::Approx(10.0));
  CHECK(all[planted::whisper] == doctest::Approx(0.9));
  CHECK(all[1] == 0.0);
  CHECK(all[planted::outlier + 16] == 0.0);  // which RoPE would turn the outlier into
  // The first prompts' words: a dip, then whispers of .7 and .8.
  CHECK(peaks(1, 1, 512)[planted::whisper] == 0.0);
  CHECK(peaks(1, 3, 512)[planted::whisper] == doctest::Approx(0.8));
  // The harmful word is the fifth or sixth token.
  CHECK(peaks(1, 24, 4)[planted::whisper] == 0.0);
  CHECK(peaks(1, 24, 6)[planted::whisper] == doctest::Approx(0.9));
  CHECK(peaks(2, 24, 512)[planted::whisper] == 0.0);
  CHECK(peaks(3, 1, 1)[planted::first] == doctest::Approx(60.0));
}

}  // namespace alignment_channel_geometry_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/layer_ablation.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "planted_refusals.hpp"
#include "qfa/cache/plan_spec.hpp"

namespace alignment_layer_ablation_test {

using namespace qfa;
using namespace qfa_test;

namespace {

/// Layers that flip so many of the 24 prompts, quantized alone at 3 bits.
layer_ablation scripted_ablation(const std::vector<std::size_t>& flips, const align_settings& settings) {
  plan_of_plant plan{.layers = flips.size(), .words = {{}}};
  const planted_refusals p = planted::grow(plan, failure_mode::mixed, 0, {});
  behavior asked = p.asked(scripted(p.prompts, [&](const std::string& condition) {
    for (std::size_t l = 0; l < flips.size(); ++l)
      if (condition == parse_cache_plan(std::to_string(l) + "=section5:bits=3", flips.size()).name()) return flips[l];
    return std::size_t{0};
  }));
  return ablate_layers(asked, p.harmful(prompt_split::fit), settings);
}

}  // namespace

TEST_CASE("ablate_layers: finds the layers that were planted") {
  for (const planted_refusals& p : all_planted()) {
    CAPTURE(name(p.mode));
    behavior asked = p.asked();
    const layer_ablation found = ablate_layers(asked, p.harmful(prompt_split::fit), p.settings);
    REQUIRE(found.flips.size() == p.model.config.layers);
    CHECK(found.worst == p.worst);
    std::vector<std::size_t> flipping;
    for (std::size_t l = 0; l < found.flips.size(); ++l)
      if (found.rates()[l] > 0.1) flipping.push_back(l);
    CHECK(flipping == p.flipping);
    CHECK(found.critical.front() == p.worst);
    CHECK(found.pattern == (flipping.size() == 1   ? layer_pattern::concentrated
                            : flipping.size() <= 4 ? layer_pattern::distributed_early
                                                   : layer_pattern::ultra_distributed));
  }
}

TEST_CASE("ablate_layers: each layer alone has one scale for all, at the settings' bits") {
  const planted_refusals p = planted_mixed();
  behavior asked = p.asked();
  const layer_ablation found = ablate_layers(asked, p.harmful(prompt_split::fit), p.settings);
  CHECK(found.flips == std::vector<proportion>{{0, 40}, {30, 40}, {0, 40}, {10, 40}});
  CHECK(found.critical == std::vector<std::size_t>{1, 3});
  align_settings fine = p.settings;
  fine.mechanism_bits = 8;
  CHECK(ablate_layers(asked, p.harmful(prompt_split::fit), fine).flips == std::vector<proportion>(4, {0, 40}));
  std::set<std::string> conditions, splits;
  asked.for_each_answer([&](const std::string& condition, const prompt& of, const std::string&, verdict) {
    conditions.insert(condition);
    splits.insert(std::string(prompt_split_names[static_cast<std::size_t>(of.split)]));
  });
  std::set<std::string> expected{"reference"};
  for (const int bits : {3, 8})
    for (const int layer : {0, 1, 2, 3})
      expected.insert(parse_cache_plan(std::to_string(layer) + "=section5:bits=" + std::to_string(bits), 4).name());
  CHECK(conditions == expected);
  CHECK(splits == std::set<std::string>{"fit"});
}

TEST_CASE("ablate_layers: of layers that flip alike the first is the worst") {
  const align_settings settings;
  const layer_ablation tied = scripted_ablation({3, 9, 9, 2, 9}, settings);
  CHECK(tied.worst == 1);
  CHECK(tied.critical == std::vector<std::size_t>{1, 2, 4, 0});
  CHECK(tied.pattern == layer_pattern::distributed_early);
}

TEST_CASE("ablate_layers: where no layer is critical there is still a worst one") {
  const align_settings settings;
  const layer_ablation weak = scripted_ablation({0, 1, 2}, settings);
  CHECK(weak.worst == 2);
  CHECK(weak.critical.empty());
  CHECK(weak.pattern == layer_pattern::concentrated);
  CHECK(scripted_ablation({0, 0, 0}, settings).worst == 0);
}

TEST_CASE("ablate_layers: what is critical and what counts as a flip are the settings'") {
  align_settings settings;
  settings.critical = {.least_flip = 0.25, .most = 1};
  settings.tree.layer_flip = 0.5;
  const layer_ablation found = scripted_ablation({6, 12, 13, 24}, settings);
  CHECK(found.critical == std::vector<std::size_t>{3});
  CHECK(found.pattern == layer_pattern::distributed_early);  // 13 and 24 of 24 are more than half
}

}  // namespace alignment_layer_ablation_test

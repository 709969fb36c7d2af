// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/diagnosis.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace alignment_diagnosis_test {

using namespace qfa;
using enum failure_mode;

namespace {

/// Layers that flip so many of 40 prompts.
layer_ablation layers_that_flip(const std::vector<std::uint64_t>& hits) {
  layer_ablation out;
  for (const std::uint64_t h : hits)
    out.flips.push_back({h, 40});
  return out;
}

grain_reduction reduced(const reduction_counts& counts) {
  return {.counts = counts, .estimate = estimate_reduction(counts)};
}

channel_geometry geometry_of(const reduction_counts& pcr, const reduction_counts& groups) {
  channel_geometry out;
  out.per_channel = {reduced(pcr), reduced({.both = 40})};  // further lifetimes decide nothing
  out.groups = {reduced(groups)};
  return out;
}

}  // namespace

TEST_CASE("diagnose: the mode is the tree's of the published PCR and of the layers' flips") {
  const reduction_counts all{.coarse_only = 40}, half{.both = 20, .coarse_only = 20}, none{.both = 40};
  const layer_ablation one = layers_that_flip({0, 36, 0, 4}), four = layers_that_flip({5, 40, 5, 5, 0, 0}),
                       every = layers_that_flip({5, 5, 40});
  CHECK(diagnose(one, geometry_of(none, none), {}).mode == outlier_as_safety);
  CHECK(diagnose(one, geometry_of(half, half), {}).mode == mixed);
  CHECK(diagnose(one, geometry_of(all, all), {}).mode == outlier_crushes_safety);
  CHECK(diagnose(four, geometry_of(all, half), {}).mode == multi_layer_dilution);
  CHECK(diagnose(every, geometry_of(none, none), {}).mode == hyper_vulnerable);
  align_settings strict;
  strict.tree.layer_flip = 0.125;
  CHECK(diagnose(every, geometry_of(none, none), strict).mode == outlier_as_safety);
}

TEST_CASE("diagnose: without flips under one scale there is no mode and no verdict") {
  const diagnosis found = diagnose(layers_that_flip({0, 0, 0}), geometry_of({.neither = 40}, {.neither = 40}), {});
  CHECK_FALSE(found.mode.has_value());
  CHECK(found.published.empty());
  CHECK_FALSE(found.geometry_agrees);
}

TEST_CASE("diagnose: few prompts leave the verdict undetermined, though the tree has a mode") {
  const layer_ablation one = layers_that_flip({40, 0, 0});
  const diagnosis few =
      diagnose(one, geometry_of({.both = 4, .coarse_only = 11, .neither = 3}, {.coarse_only = 15}), {});
  CHECK(few.mode == outlier_crushes_safety);
  CHECK_FALSE(few.posterior.verdict.has_value());
  CHECK(few.posterior.of(outlier_crushes_safety) > 0.3);
  CHECK(few.posterior.of(mixed) > 0.3);
  const diagnosis many =
      diagnose(one, geometry_of({.both = 40, .coarse_only = 160, .neither = 40}, {.coarse_only = 9}), {});
  CHECK(many.posterior.verdict == outlier_crushes_safety);
}

TEST_CASE("diagnose: draws are the seed's, and what is needed of them the settings'") {
  const layer_ablation one = layers_that_flip({40, 0, 0});
  const channel_geometry geometry = geometry_of({.both = 4, .coarse_only = 14}, {.coarse_only = 18});
  align_settings settings;
  const double first = diagnose(one, geometry, settings).posterior.of(mixed);
  CHECK(diagnose(one, geometry, settings).posterior.of(mixed) == first);
  settings.seed = 2;
  CHECK(diagnose(one, geometry, settings).posterior.of(mixed) != first);
  CHECK_FALSE(diagnose(one, geometry, settings).posterior.verdict.has_value());
  settings.posterior.needed = 0.6;
  CHECK(diagnose(one, geometry, settings).posterior.verdict == outlier_crushes_safety);
}

TEST_CASE("diagnose: names every mode whose published ranges hold PCR and G64") {
  const layer_ablation one = layers_that_flip({40, 0, 0});
  const reduction_counts half{.both = 20, .coarse_only = 20}, most{.both = 8, .coarse_only = 32},
      three_of_four{.both = 10, .coarse_only = 30};
  CHECK(diagnose(one, geometry_of(half, half), {}).published == std::vector{mixed, multi_layer_dilution});
  CHECK(diagnose(one, geometry_of(most, most), {}).published == std::vector{outlier_crushes_safety});
  CHECK(diagnose(one, geometry_of(most, three_of_four), {}).published ==
        std::vector{outlier_crushes_safety, multi_layer_dilution});
  CHECK(diagnose(one, geometry_of(most, half), {}).geometry_agrees);
  CHECK_FALSE(diagnose(one, geometry_of(half, most), {}).geometry_agrees);
}

}  // namespace alignment_diagnosis_test

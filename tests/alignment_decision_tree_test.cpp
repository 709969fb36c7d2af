// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/decision_tree.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "alignment_oracle.hpp"
#include "scratch.hpp"

namespace alignment_decision_tree_test {

using enum qfa::failure_mode;
using qfa::failure_mode;
using modes = std::vector<failure_mode>;

namespace {

// As the published table writes them.
std::optional<failure_mode> mode_written(const std::string& text) {
  if (text == "outlier-as-safety") return outlier_as_safety;
  if (text == "mixed") return mixed;
  if (text == "outlier-crushes-safety") return outlier_crushes_safety;
  if (text == "multi-layer dilution") return multi_layer_dilution;
  if (text == "hyper-vulnerable") return hyper_vulnerable;
  CHECK(text == "undetermined");
  return std::nullopt;
}

std::vector<double> flipping_layers(std::size_t flipping, std::size_t layers) {
  std::vector<double> flips(layers, 0.1);  // exactly ten percent is not enough
  std::fill_n(flips.begin(), flipping, 0.11);
  return flips;
}

}  // namespace

TEST_CASE("decision_tree: every branch, at its thresholds") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("decision_tree")) {
    CAPTURE(known.dump());
    const qfa::decision_tree tree{.few_layers = known.at("few_layers").get<std::size_t>()};
    const std::size_t over = known.at("layers_over").get<std::size_t>(), layers = known.at("layers").get<std::size_t>();
    const double pcr = qfa_test::json_number(known.at("pcr"));
    CHECK(tree.decide(pcr, over, layers) == mode_written(known.at("mode")));
    CHECK(tree(pcr, flipping_layers(over, layers)) == mode_written(known.at("mode")));
  }
}

TEST_CASE("decision_tree: the published models and the modes whose ranges hold them") {
  std::size_t agree = 0;
  for (const qfa::json& known : qfa_test::alignment_numbers().at("published_models")) {
    CAPTURE(known.dump());
    const double pcr = known.at("pcr").get<double>();
    const std::vector<double> flips =
        flipping_layers(known.at("critical_layers").size(), known.at("layers").get<std::size_t>());
    const auto mode = qfa::decision_tree{}(pcr, flips);
    CHECK(mode == mode_written(known.at("mode_few_2")));
    CHECK(qfa::decision_tree{.few_layers = 4}(pcr, flips) == mode_written(known.at("mode_few_4")));
    if (mode == mode_written(known.at("published_mode"))) ++agree;
    modes expected;
    for (const qfa::json& candidate : known.at("printed_candidates"))
      expected.push_back(*mode_written(candidate));
    if (pcr >= 0.3 && pcr <= 0.7) expected.insert(expected.begin(), mixed);  // a row of the other published table
    CHECK(qfa::published_modes(pcr) == expected);
  }
  CHECK(agree == 6);  // Mistral-7B at 33 % and Mistral-Small-24B at 50 % are printed in rows that their PCR contradicts
}

TEST_CASE("published_modes: overlaps are named, and G64 narrows them") {
  CHECK(qfa::published_modes(0.8) == modes{outlier_crushes_safety, multi_layer_dilution});
  CHECK(qfa::published_modes(0.8, 0.9) == modes{outlier_crushes_safety});
  CHECK(qfa::published_modes(0.8, 0.4) == modes{multi_layer_dilution});
  CHECK(qfa::published_modes(0.8, 0.6) == modes{outlier_crushes_safety, multi_layer_dilution});
  CHECK(qfa::published_modes(0.8, -0.1).empty());
  CHECK(qfa::published_modes(0.95) == modes{outlier_crushes_safety});
  CHECK(qfa::published_modes(0.9) == modes{outlier_crushes_safety, multi_layer_dilution});
  CHECK(qfa::published_modes(0.7) == modes{mixed, multi_layer_dilution});
  CHECK(qfa::published_modes(0.3) == modes{mixed, multi_layer_dilution});
  CHECK(qfa::published_modes(0.3, 0.8) == modes{mixed});
  CHECK(qfa::published_modes(-2.0) == modes{outlier_as_safety});
  CHECK(qfa::published_modes(0.1, 0.36) == modes{outlier_as_safety});
  CHECK(qfa::published_modes(0.1, 0.37).empty());
  CHECK(qfa::published_modes(std::nan("")).empty());
}

TEST_CASE("decision_tree: thresholds are parameters") {
  const std::vector<double> flips{0.3, 0.0, 0.04, 0.0};
  CHECK(qfa::decision_tree{}(0.25, flips) == outlier_as_safety);
  CHECK(qfa::decision_tree{.low = 0.2}(0.25, flips) == mixed);
  CHECK(qfa::decision_tree{.low = 0.1, .high = 0.2}(0.25, flips) == outlier_crushes_safety);
  CHECK(qfa::decision_tree{.low = 0.1, .high = 0.2, .few_layers = 0}(0.25, flips) == multi_layer_dilution);
  CHECK(qfa::decision_tree{.layer_flip = -1.0}(0.25, flips) == hyper_vulnerable);
  CHECK(qfa::decision_tree{.layer_flip = 0.03}.flipping(flips) == 2);
  CHECK(qfa::decision_tree{}.flipping(std::vector<double>{std::nan(""), 0.2}) == 1);
  qfa_test::check_refused([] { qfa::decision_tree{}(0.5, {}); }, {"each layer"});
}

TEST_CASE("failure_mode: names and prescriptions are distinct, and the remedy fits") {
  for (std::size_t i = 0; i < qfa::failure_mode_names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      CHECK(qfa::failure_mode_names[i] != qfa::failure_mode_names[j]);
      CHECK(qfa::prescriptions[i] != qfa::prescriptions[j]);
    }
  CHECK(qfa::name(multi_layer_dilution) == "multi_layer_dilution");
  CHECK(qfa_test::contains(qfa::prescription(outlier_as_safety), "critical layers at FP16"));
  CHECK(qfa_test::contains(qfa::prescription(mixed), "per-channel"));
  CHECK(qfa_test::contains(qfa::prescription(outlier_crushes_safety), "groups of channels (64 as published)"));
  CHECK(qfa_test::contains(qfa::prescription(multi_layer_dilution), "flip most at FP16"));
  CHECK(qfa_test::contains(qfa::prescription(hyper_vulnerable), "whole cache"));
}

TEST_CASE("published checks: prediction and tick") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("prediction"))
    CHECK(qfa::pcr_predicts(known.at("pcr_calibration").get<double>(), known.at("pcr_test").get<double>()) ==
          known.at("correct").get<bool>());
  for (const qfa::json& known : qfa_test::alignment_numbers().at("tick"))
    CHECK(qfa::geometry_agrees(known.at("pcr").get<double>(), known.at("g64").get<double>()) ==
          known.at("tick").get<bool>());
}

}  // namespace alignment_decision_tree_test

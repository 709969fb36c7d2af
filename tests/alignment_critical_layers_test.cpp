// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/critical_layers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "alignment_oracle.hpp"
#include "qfa/alignment/decision_tree.hpp"

namespace alignment_critical_layers_test {

using layers = std::vector<std::size_t>;

TEST_CASE("critical_layer_rule and layer_pattern_rule: another program's sorting") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("layers")) {
    CAPTURE(known.at("name").get<std::string>());
    std::vector<double> flips;
    for (const qfa::json& count : known.at("flips"))
      flips.push_back(count.get<double>() / known.at("refused").get<double>());
    CHECK(qfa::critical_layer_rule{}(flips) == known.at("critical").get<layers>());
    CHECK(qfa::critical_layer_rule{.most = 3}(flips) == known.at("critical_top_3").get<layers>());
    std::string pattern(qfa::layer_pattern_names[static_cast<std::size_t>(qfa::layer_pattern_rule{}(flips))]);
    std::ranges::replace(pattern, '_', '-');
    CHECK(pattern == known.at("pattern").get<std::string>());
    CHECK(qfa::decision_tree{}.flipping(flips) == known.at("layers_over").get<std::size_t>());
  }
}

TEST_CASE("critical_layer_rule: the worst first, ten percent is enough, ties by layer") {
  const double none = std::nan("");
  CHECK(qfa::critical_layer_rule{}(std::vector<double>{0.1, none, 0.5, 0.09, 0.5, 0.2}) == layers{2, 4, 5, 0});
  CHECK(qfa::critical_layer_rule{.least_flip = 0.5, .most = 1}(std::vector<double>{0.2, 0.5, 0.5}) == layers{1});
  CHECK(qfa::critical_layer_rule{}({}).empty());
}

TEST_CASE("layer_pattern_rule: exactly ten percent does not count") {
  using enum qfa::layer_pattern;
  const qfa::layer_pattern_rule pattern;
  std::vector<double> flips(8, 0.1);
  CHECK(pattern(flips) == concentrated);
  flips[0] = 0.2;
  CHECK(pattern(flips) == concentrated);
  flips[1] = 0.2;
  CHECK(pattern(flips) == distributed_early);
  flips[2] = flips[3] = 0.2;
  CHECK(pattern(flips) == distributed_early);
  flips[4] = 0.2;
  CHECK(pattern(flips) == ultra_distributed);
  CHECK(qfa::layer_pattern_rule{.above = 0.3}(flips) == concentrated);
}

}  // namespace alignment_critical_layers_test

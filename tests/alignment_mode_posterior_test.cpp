// SPDX-License-Identifier: Apache-2.0
#include "qfa/alignment/mode_posterior.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "alignment_oracle.hpp"
#include "scratch.hpp"

namespace alignment_mode_posterior_test {

using enum qfa::failure_mode;
using qfa_test::json_count;
using qfa_test::json_number;

namespace {

const std::vector<double> one_layer{0.0, 0.8, 0.0, 0.0};
const std::vector<double> three_layers{0.3, 0.8, 0.2, 0.0};

void check_posterior(const qfa::json& known) {
  CAPTURE(known.dump());
  const qfa::reduction_counts counts{json_count(known.at("a")), json_count(known.at("b")), json_count(known.at("c")),
                                     json_count(known.at("rest"))};
  const qfa::mode_posterior found = qfa::posterior_of_modes(counts, one_layer, 1);
  // The exact probabilities, by integrals: 10^4 draws are within four standard errors.
  const auto near = [](double share, double p) {
    return std::fabs(share - p) <= 4.0 * std::sqrt(p * (1.0 - p) / 1e4) + 1e-4;
  };
  CHECK(near(found.of(outlier_as_safety), json_number(known.at("p_low"))));
  CHECK(near(found.of(mixed), json_number(known.at("p_mixed"))));
  CHECK(near(found.of(outlier_crushes_safety), json_number(known.at("p_high"))));
  CHECK(std::fabs(std::accumulate(found.probability.begin(), found.probability.end(), 0.0) - 1.0) < 1e-12);
  const std::string verdict = known.at("verdict");
  if (verdict == "low") CHECK(found.verdict == outlier_as_safety);
  if (verdict == "mixed") CHECK(found.verdict == mixed);
  if (verdict == "high") CHECK(found.verdict == outlier_crushes_safety);
  if (verdict == "undetermined") CHECK(found.verdict == std::nullopt);
}

}  // namespace

TEST_CASE("posterior_of_modes: within sampling error of the exact probabilities") {
  for (const qfa::json& known : qfa_test::alignment_numbers().at("pcr"))
    check_posterior(known);
  check_posterior(qfa_test::alignment_numbers().at("pcr_from_verdicts"));
}

TEST_CASE("posterior_of_modes: the layers tell modes of one PCR apart") {
  const qfa::reduction_counts saved{.both = 0, .coarse_only = 40, .fine_only = 1, .neither = 9};
  CHECK(qfa::posterior_of_modes(saved, one_layer, 1).verdict == outlier_crushes_safety);
  CHECK(qfa::posterior_of_modes(saved, three_layers, 1).verdict == multi_layer_dilution);
  const qfa::mode_posterior every = qfa::posterior_of_modes({}, std::vector<double>{0.5, 0.2}, 1);
  CHECK(every.verdict == hyper_vulnerable);
  CHECK(every.of(hyper_vulnerable) == 1.0);
}

TEST_CASE("posterior_of_modes: a function of the seed, and what is needed is a parameter") {
  const qfa::reduction_counts counts{.both = 4, .coarse_only = 8, .fine_only = 0, .neither = 3};
  const qfa::mode_posterior one = qfa::posterior_of_modes(counts, one_layer, 1);
  CHECK(one.probability == qfa::posterior_of_modes(counts, one_layer, 1).probability);
  CHECK(one.probability != qfa::posterior_of_modes(counts, one_layer, 2).probability);
  CHECK(one.verdict == std::nullopt);
  CHECK(qfa::posterior_of_modes(counts, one_layer, 1, {}, {.needed = 0.51}).verdict == mixed);
  CHECK(qfa::posterior_of_modes(counts, one_layer, 1, {.low = 0.0, .high = 1.0}).verdict == mixed);
}

TEST_CASE("posterior_of_modes: what it cannot work with") {
  qfa_test::check_refused([] { qfa::posterior_of_modes({}, one_layer, 1, {}, {.draws = 0}); }, {"at least one draw"});
  qfa_test::check_refused([] { qfa::posterior_of_modes({}, one_layer, 1, {}, {.needed = 0.5}); }, {"above one half"});
  qfa_test::check_refused([] { qfa::posterior_of_modes({}, {}, 1); }, {"each layer"});
}

}  // namespace alignment_mode_posterior_test

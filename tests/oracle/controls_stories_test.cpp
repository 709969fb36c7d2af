// SPDX-License-Identifier: Apache-2.0
// The controls of a real model (data/stories260K) on a few thousand tokens: what is known of it on more of them.
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <utility>

#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/controls/run_controls.hpp"
#include "qfa/model/load.hpp"
#include "qfa/sae/load.hpp"

namespace controls_stories_test {

using namespace qfa;

TEST_CASE("stories260K: what controls make of quantization and pruning that seem to hurt the same features") {
  const std::filesystem::path files = qfa_test::oracle_data() / "stories260K";
  const sae dictionary = load_sae(files / "sae_l2_standard");
  const audit_settings settings = settle({}, dictionary.metadata);
  language_model model = load_model(files);
  const token_rows tokens = read_tokens(files / "tokens.npy", tokens_for(settings, model.config, 128 * 256));
  control_material with{.model = std::move(model),
                        .dictionary = dictionary,
                        .rows = {},
                        .matching = {},
                        .calibration = {},
                        .settings = settings,
                        .options = {},
                        .policies = {any_policy(rtn{.bits = 4}), any_policy(magnitude_pruner{.sparsity = 0.25})},
                        .targets = {}};
  const control_settings how{.seeds = 1, .max_tokens = 64 * 256, .pruning_seeds = 1};
  choose_control_rows(with, tokens, how);
  const control_findings found = run_controls(with, how);
  CHECK(found.self.holds());
  CHECK(found.self.kl == 0.0);
  CHECK(found.floors[0].tau > 0.999);
  REQUIRE(found.pairs.size() == 1);
  const shared_damage& pair = found.pairs[0];
  // On 199,680 tokens: J .674, partial rho .691, and as much with noise (.715): weak features fail first, whatever
  // comes.
  CHECK(std::fabs(pair.order.partial.value - 0.691) < 0.06);
  CHECK(std::fabs(pair.order.null_partial - pair.order.partial.value) < 0.1);
  CHECK(std::fabs(pair.overlap.excess.value) < 0.15);
  CHECK(pair.verdict() == sharing::undetermined);
  CHECK(pair.order.reliability_a > 0.9);
  // Errors at other places of their rows hurt as much, noise that knows no rows more.
  CHECK(found.policies[0].contrasts[0].more_mean_r.range.lower > 0.0);
  CHECK(std::fabs(found.policies[0].contrasts[1].more_mean_r.value) < 0.02);
  for (const survival_transfer& t : found.transfers)
    CHECK(t.measured.value > 0.9);
}

}  // namespace controls_stories_test

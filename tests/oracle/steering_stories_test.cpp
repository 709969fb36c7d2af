// SPDX-License-Identifier: Apache-2.0
// Steering and patching of a real model (data/stories260K).
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "qfa/audit/model_audit.hpp"
#include "qfa/compress/any_policy.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/model/load.hpp"
#include "qfa/sae/load.hpp"
#include "qfa/steering/run_patching.hpp"
#include "qfa/steering/run_steering.hpp"

namespace steering_stories_test {

using namespace qfa;

TEST_CASE("steering and patching of a real model: vectors of features steer, and features carry damage") {
  const auto files = qfa_test::oracle_data() / "stories260K";
  const sae dictionary = load_sae(files / "sae_l2_standard");
  const audit_settings settings = settle({}, dictionary.metadata);
  const language_model model = load_model(files);
  const token_rows rows = read_tokens(files / "tokens.npy", tokens_for(settings, model.config, 128 * 256));
  const any_policy policy(rtn{.bits = 4});
  model_audit audit(model, dictionary, rows, settings, {.losses = false});
  audit.run(policy);
  const audit_result result = audit.result();
  const audited_model models(model, dictionary, settings, false, {});
  const std::vector<compression_recipe> recipes{{policy.name(), [&] { return models.compress_by(policy, {}); }}};
  const finished_models of{models, dictionary, rows, settings, result, recipes};

  const steering_findings steered = run_steering(of, {.features = 12, .rows = 32, .positions = 32, .pilot_rows = 4});
  const steered_condition& s = steered.conditions.front();
  const dose_finding& unit = s.doses[2];
  CHECK(unit.dose == 1.0);
  // 131,072 tokens have 0.88, of features as of random vectors, gain 0.92 and an exchange rate of 0.99.
  CHECK(unit.fidelity.value == doctest::Approx(0.88).epsilon(0.02));
  CHECK(unit.fidelity.range.upper < 0.95);
  CHECK(unit.random_fidelity.value == doctest::Approx(0.88).epsilon(0.02));
  CHECK(unit.gain.value == doctest::Approx(1.0).epsilon(0.1));
  CHECK(unit.exchange.value == doctest::Approx(1.0).epsilon(0.1));
  // Targets are what the vectors raise, and more of a vector raises them more.
  for (const steered_feature& f : s.features) {
    CHECK(f.own.reference_shift[2] > 0.0);
    CHECK(f.own.reference_shift[0] < f.own.reference_shift[2]);
  }

  const patching_findings patched =
      run_patching(of, {.tokens = 4096, .choosing_tokens = 16384, .shares = {0.1}, .seeds = 1});
  const patched_condition& p = patched.conditions.front();
  CHECK(p.activations.range.lower > p.everything.range.upper);  // the SAE does not see all
  CHECK(p.everything.range.lower > 0.0);
  const auto tenth = std::ranges::find(p.points, "10 %", &restored_point::what);
  REQUIRE(tenth != p.points.end());
  CHECK(tenth->loudest.value > tenth->random.value);
  CHECK(tenth->loudest.value < p.everything.value);
}

}  // namespace steering_stories_test

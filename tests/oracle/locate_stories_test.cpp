// SPDX-License-Identifier: Apache-2.0
// Damage of single tensors of a real model (data/stories260K), measured from shared prefixes, against plain audits of
// the same compressed models: r of every feature by its bits, losses to rounding.
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "qfa/audit/model_audit.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/locate/locate_damage.hpp"
#include "qfa/model/load.hpp"
#include "qfa/sae/load.hpp"

namespace locate_stories_test {

using namespace qfa;

TEST_CASE("damage located in a real model is what plain audits of its single tensors find") {
  const auto files = qfa_test::oracle_data() / "stories260K";
  const sae dictionary = load_sae(files / "sae_l2_standard");
  const audit_settings settings = settle({}, dictionary.metadata);
  const language_model model = load_model(files);
  const token_rows tokens = read_tokens(files / "tokens.npy", tokens_for(settings, model.config, 32 * 256));
  const rtn policy{.bits = 4};
  const target_patterns targets{.include = {"*.0.mlp.*", "*.1.self_attn.k_proj*", "*.2.mlp.down_proj*", "*.4.mlp.up*"}};

  const unit_bench bench(model, dictionary, tokens, settings);
  const std::vector<compression_unit> units = bench.units(unit_kind::tensors, targets);
  const std::vector<double> weights = feature_weights(bench, {});
  const damage_location found = locate_damage(bench, policy, {.targets = targets});
  REQUIRE(found.units.size() == 6);

  model_audit audit(model, dictionary, tokens, settings);
  const auto noise_of = [&](const condition_result& c) {
    double sum = 0.0;
    for (std::size_t i = 0; i < bench.features().size(); ++i)
      sum += weights[i] * std::min(most_noise, noise_to_signal(c.by_honest.correlations.r[bench.features()[i]]));
    return sum;
  };
  const condition_result& all = audit.run(policy, targets);
  CHECK(found.whole.all == noise_of(all));
  CHECK(found.depths->kl.value == doctest::Approx(all.loss->kl.value).epsilon(1e-12));
  for (const std::size_t u : {2U, 3U, 4U, 5U}) {  // of layers 0, 1, 2 and, behind the hook, 4
    const std::string& name = units[u].name;
    CAPTURE(name);
    const condition_result& alone = audit.run(policy, name, {.include = {name}});
    CHECK(found.units[u].isolated.all == noise_of(alone));
    CHECK(found.units[u].kl->value == doctest::Approx(alone.loss->kl.value).epsilon(1e-12));
    CHECK(found.units[u].excess_loss->value == doctest::Approx(alone.loss->excess_loss.value).epsilon(1e-9));
    const condition_result& others = audit.run(policy, "all but " + name, {targets.include, {name}});
    CHECK(found.units[u].left_out.all == noise_of(all) - noise_of(others));
  }
  CHECK(found.units[5].reaches_hook == false);
  // With a ReLU SAE noise adds up over matrices; gates with thresholds would add up its root.
  CHECK(found.adds_up.holds());
  CHECK(found.depths->depths.back().recovered.value == doctest::Approx(1.0));
}

}  // namespace locate_stories_test

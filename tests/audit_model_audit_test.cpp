// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/model_audit.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/identity.hpp"
#include "qfa/compress/rtn.hpp"

namespace audit_model_audit_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("model_audit: the identity is the reference to the last bit") {
  model_audit audit = tiny_audit({.paired = true});
  const condition_result& same = audit.run(identity{});
  CHECK(same.loss->kl.value == 0.0);
  CHECK(same.loss->excess_loss.value == 0.0);
  CHECK(same.loss->top1_agreement.value == 1.0);
  CHECK(same.shift->energy == 0.0);
  for (const feature_summary& f : same.features)
    CHECK((f.r == 1.0 || f.reference_firings == 0.0));
  CHECK(audit.conditions().front().reference);
}

TEST_CASE("model_audit: fewer bits hurt more, and the numbers do not depend on threads") {
  const auto run = [] {
    model_audit audit = tiny_audit();
    audit.run(rtn{.bits = 8});
    audit.run(rtn{.bits = 4});
    return audit.result();
  };
  const audit_result result = run();
  REQUIRE(result.conditions.size() == 3);
  const auto& [reference, mild, hard] = std::tie(result.conditions[0], result.conditions[1], result.conditions[2]);
  CHECK(reference.by_published.mean_r.value == 1.0);
  CHECK(mild.by_published.mean_r.value < 1.0);
  CHECK(hard.by_published.mean_r.value < mild.by_published.mean_r.value);
  CHECK(hard.loss->kl.value > mild.loss->kl.value);
  CHECK(hard.policy == "rtn:bits=4");
  CHECK_FALSE(hard.tensors.empty());
  CHECK(result.published_overlaps.size() == 1);
  CHECK(result.made.architecture == "gpt_neox");
  CHECK(result.made.rows == 40);
#ifdef _OPENMP
  const int threads = omp_get_max_threads();
  for (const int n : {1, 3}) {
    omp_set_num_threads(n);
    const audit_result again = run();
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(again.conditions[c].loss->loss == result.conditions[c].loss->loss);
      CHECK(again.conditions[c].by_published.correlations.r == result.conditions[c].by_published.correlations.r);
    }
  }
  omp_set_num_threads(threads);
#endif
}

TEST_CASE("model_audit: a stranger's policy is a callable and a name") {
  model_audit audit = tiny_audit();
  const auto halve = [](matrix_view<float> w) {
    for (std::size_t r = 0; r < w.rows(); ++r)
      for (float& x : w.row(r))
        x *= 0.5f;
  };
  const condition_result& halved = audit.run(halve, "halve");
  CHECK(halved.policy == "halve");
  CHECK(halved.loss->kl.value > 0.0);
}

TEST_CASE("model_audit: the published match keeps the visited sparsity whose perplexity is nearest") {
  model_audit audit = tiny_audit({.rules = published}, tiny_settings(published));
  audit.run(rtn{.bits = 4});
  const condition_result& pruned = audit.match_pruning_as_published("rtn:bits=4");
  REQUIRE(pruned.match.has_value());
  CHECK(pruned.match->trials.size() == 6);
  CHECK(pruned.match->trials[0].first == 0.4);
  CHECK(pruned.match->same_rows);
  for (const auto& [sparsity, value] : pruned.match->trials)
    CHECK(std::fabs(pruned.match->reached - pruned.match->target) <= std::fabs(value - pruned.match->target));
  CHECK(pruned.loss->perplexity == doctest::Approx(pruned.match->reached).epsilon(1e-12));
  CHECK_THROWS_AS(audit.match_pruning_as_published("rtn:bits=7"), error);
}

TEST_CASE("model_audit: matching in nats works on rows that are not reported") {
  model_audit audit = tiny_audit();
  const token_rows other = random_rows(16, 12, 97, 77);
  const condition_result& pruned = audit.match_pruning_in_nats(rtn{.bits = 3}, "rtn:bits=3", other, 0.01);
  REQUIRE(pruned.match.has_value());
  CHECK_FALSE(pruned.match->same_rows);
  CHECK(pruned.match->rows == 16);
  if (pruned.match->within_tolerance) CHECK(std::fabs(pruned.match->reached - pruned.match->target) <= 0.01);
}

TEST_CASE("model_audit: processing after and before compression are different models, told apart in the report") {
  audit_settings settings = tiny_settings();
  settings.weight_processing = transformer_lens_processing;
  model_audit after = tiny_audit({}, settings);
  settings.order = compression_order::process_then_compress;
  model_audit before = tiny_audit({}, settings);
  // Processing changes no prediction of the reference ...
  model_audit plain = tiny_audit();
  CHECK(after.conditions()[0].loss->loss == doctest::Approx(plain.conditions()[0].loss->loss).epsilon(1e-5));
  // ... and what a quantizer does to it.
  after.run(rtn{.bits = 4});
  before.run(rtn{.bits = 4});
  CHECK(after.conditions()[1].loss->loss != before.conditions()[1].loss->loss);
  CHECK(after.result().made.order == "compress,process");
  CHECK(before.result().made.order == "process,compress");
  CHECK(before.result().made.processing == "tl");
}

TEST_CASE("model_audit: an SAE of another width or a hook that is not there is refused by name") {
  CHECK_THROWS_AS(model_audit(tiny_model(), lossless_sae(63), random_rows(8, 12, 97), tiny_settings()), error);
  audit_settings settings = tiny_settings();
  settings.hook = "blocks.9.hook_resid_post";
  CHECK_THROWS_AS(model_audit(tiny_model(), lossless_sae(64), random_rows(8, 12, 97), settings), error);
}

}  // namespace audit_model_audit_test

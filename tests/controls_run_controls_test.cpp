// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/run_controls.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/audit/team_share.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/report/controls_json.hpp"
#include "qfa/report/controls_text.hpp"
#include "scratch.hpp"
#include "thread_team.hpp"

namespace controls_run_controls_test {

using namespace qfa;
using namespace qfa_test;

namespace {

constexpr control_settings few{.seeds = 2, .max_tokens = 0, .pruning_seeds = 1, .pruning_tolerance = 0.01};

control_material tiny_material(const audit_options& options = {}) {
  control_material with{.model = tiny_model(),
                        .dictionary = lossless_sae(64),
                        .rows = {},
                        .matching = {},
                        .calibration = {},
                        .settings = tiny_settings(),
                        .options = options,
                        .policies = {any_policy(rtn{.bits = 3}), any_policy(magnitude_pruner{.sparsity = 0.4})},
                        .targets = {}};
  choose_control_rows(with, random_rows(48, 12, 97), few);
  return with;
}

std::string written(const control_findings& found) { return to_json(found).dump(1) + controls_text(found); }

}  // namespace

TEST_CASE("choose_control_rows: the first rows, and others to match on") {
  control_material with = tiny_material();
  CHECK(with.rows.rows() == 42);
  CHECK(with.matching.rows() == 6);
  choose_control_rows(with, random_rows(48, 12, 97), {.max_tokens = 130});
  CHECK(with.rows.rows() == 10);
  CHECK(with.matching.ids.front() == random_rows(48, 12, 97).ids[10 * 12]);
}

TEST_CASE("choose_control_rows: b* of the reported rows becomes that of fewer") {
  control_material with = tiny_material();
  with.options.block_length = 4.0;
  choose_control_rows(with, random_rows(320, 12, 97), {.max_tokens = 40 * 12});
  CHECK(with.rows.rows() == 40);
  CHECK(with.options.block_length == doctest::Approx(2.0).epsilon(1e-12));
}

TEST_CASE("run_controls: every control there is, and the same bytes by any number of processes and after a resume") {
  set_thread_count(1);
  std::map<std::string, int, std::less<>> runs;
  control_material counting = tiny_material();
  counting.told = [&](std::string_view stage, std::size_t done, std::size_t) { runs[std::string(stage)] += done == 0; };
  const control_findings found = run_controls(counting, few);
  // A policy runs once on the rows, for its damage, its error's covariance and all variants that read the same
  // activations, and once more on rows with BOS; the reference once again to be held against itself, and with BOS.
  CHECK(runs["rtn:bits=3"] == 2);
  CHECK(runs[found.policies[1].policy] == 2);
  CHECK(runs["reference"] == 2);
  CHECK(runs["reference again"] == 1);
  CHECK(!runs.contains("covariance of rtn:bits=3"));
  CHECK(!runs.contains("thresholds"));
  CHECK(found.self.holds());
  CHECK(found.self.kl == 0.0);
  REQUIRE(found.policies.size() == 2);
  // A model of random weights need not lose by being rounded: pruning is a control where it came to an equal loss.
  for (const controlled_policy& p : found.policies) {
    REQUIRE(p.matches.size() == 1);
    const bool equal = p.matches[0].reason.empty();
    CHECK(p.contrasts.size() == control_kind_names.size() - (equal ? 0 : 1));
    CHECK((p.contrasts.back().control == name(control_kind::random_pruning)) == equal);
    CHECK(std::isfinite(p.matches[0].sparsity_at_equal_loss) == equal);
  }
  CHECK(found.policies[0].error_energy > 0.0);
  CHECK(found.pairs.size() == 1);
  CHECK(found.pairs[0].overlap.controls == 4);
  CHECK(std::isfinite(found.pairs[0].pruning_jaccard) ==
        (found.policies[0].matches[0].reason.empty() || found.policies[1].matches[0].reason.empty()));
  CHECK(std::isfinite(found.pairs[0].worst.common));
  CHECK(std::isfinite(found.pairs[0].worst.null_rank_biased));
  // So many fail here that no decile may have both kinds: then there is no ratio, and a reason.
  const estimate& odds = found.pairs[0].like_survival.odds_ratio;
  CHECK((odds.value > 0.0 || !odds.range.reason.empty()));
  CHECK(found.transfers.size() == 2);
  CHECK(found.families > 64);
  REQUIRE(found.variants.size() == 4);
  CHECK(found.variants[0].what == "without position 0");
  CHECK(found.variants[1].what == "with BOS before each row");
  for (const survival_variant& v : found.variants) {
    REQUIRE(v.conditions.size() == 2);
    CHECK(v.conditions[0].against.features > 0);
    CHECK(std::isfinite(v.conditions[0].against.more_mean_r.value));
  }
  CHECK(found.variants[1].kind == variant_kind::bos);
  CHECK(found.variants[3].kind == variant_kind::unlearned);
  // The axes of a model of random weights are no features that it learned: turned ones suffer as much.
  CHECK(decision(variant_kind::unlearned, found.variants[3].conditions[0].against) == "a draw");
  CHECK(found.floors[0].tau <= 1.0);
  CHECK(found.floors[1].tau < 1.0);
  // Isotropic noise of the energy of the error itself, through an SAE whose encoder is alike in all directions.
  const auto& contrasts = found.policies[0].contrasts;
  CHECK(std::fabs(contrasts[4].more_mean_r.value) < 0.1);

  const std::string alone = written(found);
  set_thread_count(3);
  CHECK(written(run_controls(tiny_material(), few)) == alone);
  set_thread_count(1);
  for (const audit_split split : {audit_split::tokens, audit_split::policies}) {
    std::string by_two;
    thread_team::run(2, [&](const team& ranks) {
      audit_options mine;
      mine.share = share_among(ranks, split);
      const control_findings some = run_controls(tiny_material(mine), few);
      if (ranks.leads()) by_two = written(some);
    });
    CHECK(by_two == alone);
  }
  // Where no room is left for variants beside the passes, each runs by itself.
  control_material crowded = tiny_material();
  crowded.options.spill_budget = variant_beside::bytes_of(crowded.dictionary) + 1;
  runs.clear();
  crowded.told = counting.told;
  CHECK(written(run_controls(crowded, few)) == alone);
  CHECK(runs["rtn:bits=3"] == 4);
  // Groups are joined from the start where the audit's were: all of all controls, and variants beside them or not.
  CHECK(found.groups == found.groups_before);
  CHECK(found.group_length.long_enough());
  control_material longer = tiny_material();
  longer.rows = longer.matching = random_rows(96, 12, 97);
  longer.policies.resize(1);
  longer.options.halve_groups = true;
  longer.options.losses = false;
  longer.options.block_length = 5.0;
  const control_findings joined = run_controls(longer, {.seeds = 1});
  CHECK(joined.groups_before == 24);
  CHECK(joined.groups == 12);  // of 8 rows: half of 12 would be 6
  CHECK(joined.group_length.block_length == 5.0);
  CHECK(joined.group_length.advised == 6);
  for (const control_contrast& c : joined.policies[0].contrasts)
    CHECK(c.more_mean_r.range.dof == 11.0);
  for (const survival_variant& v : joined.variants)
    if (v.kind != variant_kind::unlearned) CHECK(v.conditions[0].against.more_mean_r.range.dof == 11.0);
  longer.options.halve_groups = false;  // they are kept, and known to be too short
  longer.policies = {any_policy{}};
  const control_findings apart = run_controls(longer, {.seeds = 1});
  CHECK(apart.groups == 24);
  CHECK(!apart.group_length.long_enough());
  // A process that dies in the middle, and another that goes on.
  const scratch here;
  struct killed {};
  audit_options kept;
  kept.checkpoint = {.directory = here.path() / "resume", .seconds = 0.0, .resume = true, .made_of = {}};
  control_material dying = tiny_material(kept);
  int steps = 0;
  dying.told = [&](std::string_view, std::size_t, std::size_t) {
    if (++steps == 40) throw killed{};
  };
  CHECK_THROWS_AS(run_controls(dying, few), killed);
  CHECK(written(run_controls(tiny_material(kept), few)) == alone);
}

TEST_CASE("run_controls: without losses nothing is pruned to match, and a gate is also ignored") {
  control_material with = tiny_material();
  with.options.losses = false;
  with.policies.resize(1);
  with.dictionary.activation = activation_kind::jump_relu;
  with.dictionary.threshold.assign(128, 0.1f);
  const control_findings found = run_controls(with, {.seeds = 1, .noise_seeds = 2});
  for (const control_contrast& c : found.policies[0].contrasts)
    CHECK(c.seeds == (c.control == "noise at the hook" || c.control == "the same, covariant" ? 2 : 1));
  CHECK(found.self.holds());
  CHECK(std::isnan(found.self.kl));
  CHECK(found.policies[0].matches.empty());
  CHECK(found.notes.size() == 1);
  REQUIRE(found.variants.size() == 5);
  CHECK(found.variants[2].what == "relaxed gate, f = max(z, 0)");
  CHECK(found.policies[0].flip_share > found.variants[2].conditions[0].flip_share);
}

TEST_CASE("unlearned_choices: a gate without thresholds of single features gets another, and the name says so") {
  const std::vector<float> inputs(64 * 8, 0.5f);
  const std::vector<double> rates(128, 0.25);
  control_material with;
  for (const activation_kind kind :
       {activation_kind::relu, activation_kind::jump_relu, activation_kind::top_k, activation_kind::gated}) {
    with.dictionary = lossless_sae(64);
    with.dictionary.activation = kind;
    with.dictionary.threshold.assign(128, 0.1f);
    with.dictionary.r_mag = with.dictionary.b_mag = std::vector<float>(128, 0.0f);
    for (const variant_choice& choice : detail::unlearned_choices(with, inputs, rates)) {
      const activation_kind made = choice.make().dictionary.activation;
      const std::string gate = ", " + std::string(activation_names[static_cast<std::size_t>(made)]) + " gate";
      CHECK(choice.what.ends_with(gate) == (made != kind));
      CHECK(choice.what.ends_with("gate") == (made != kind));
    }
  }
}

}  // namespace controls_run_controls_test

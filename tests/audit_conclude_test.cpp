// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/conclude.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "audit_made_up.hpp"
#include "scratch.hpp"

namespace audit_conclude_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("conclude and compare_conditions: every pair of conditions but the reference, under both protocols") {
  constexpr std::size_t d = 4, rows = 64, context = 64;
  const auto x = random_activations(rows * context, d);
  feature_audit audit(lossless_sae(d), {rows, context});
  audit.add_reference({x.data(), rows * context, d});
  audit_result all;
  const pass_record& reference = audit.end_reference();
  all.conditions.push_back(conclude(reference, reference, audit.dictionary()));
  for (const float by : {0.1f, 0.6f, 3.0f}) {
    const auto y = shaken(x, by);
    compressed_side side(audit, "shaken " + std::to_string(by));
    side.add({y.data(), rows * context, d});
    all.conditions.push_back(conclude(side.record(), reference, audit.dictionary()));
  }
  compare_conditions(all);
  CHECK(all.published_overlaps.size() == 3);
  CHECK(all.honest_overlaps.size() == 3);
  CHECK(all.published_overlaps[0].a == all.conditions[1].policy);
  CHECK(all.published_overlaps[2].b == all.conditions[3].policy);
  CHECK(all.conditions[0].reference);
  CHECK_FALSE(all.conditions[1].reference);
  CHECK_FALSE(all.conditions[1].loss.has_value());
  CHECK_FALSE(all.conditions[1].bits_per_weight.has_value());
  CHECK(all.conditions[0].by_honest.mean_r.value == 1.0);
  CHECK(all.conditions[1].by_honest.mean_r.value > all.conditions[2].by_honest.mean_r.value);
  CHECK(all.conditions[1].by_published.bands[outcome::survived] == 2 * d);
  CHECK(all.conditions[3].by_published.bands[outcome::destroyed] == 2 * d);
  CHECK(all.conditions[3].features[0].r < 0.5);
  CHECK_FALSE(all.conditions[3].published_auc.result.has_value());

  describe_audit(all, {.source = "activations"}, audit, tiny_settings(), {.seed = 7});
  CHECK(all.made.fold_seed == 7);
  CHECK(all.made.tokens == rows * context);
  CHECK(all.made.groups == 16);
  CHECK(all.made.source == "activations");
  CHECK(all.d_sae == 2 * d);
}

TEST_CASE("describe_audit: an SAE that explains less than the mean does is warned of before anything else") {
  constexpr std::size_t d = 4, rows = 64, context = 64;
  const auto x = random_activations(rows * context, d);
  const auto audited = [&](float decoder, double compressed_fvu, bool ladder_only = false) {
    sae dictionary = lossless_sae(d);
    for (float& w : dictionary.w_dec)
      w *= decoder;
    feature_audit audit(dictionary, {rows, context});
    audit.add_reference({x.data(), rows * context, d});
    audit_result all;
    all.conditions.resize(3);
    all.conditions[0].reference = true;
    all.conditions[1].policy = "fine";
    all.conditions[1].fit.fvu = 1.0;
    all.conditions[2].policy = "coarse";
    all.conditions[2].ladder_only = ladder_only;
    all.conditions[2].fit.fvu = compressed_fvu;
    audit_settings settings = tiny_settings();
    settings.warnings = {"of settings"};
    describe_audit(all, {.source = "activations"}, audit, settings);
    return all.made.warnings;
  };
  CHECK(audited(1.0f, 1.0).front() == "of settings");
  CHECK(audited(1.0f, std::nan("")).front() == "of settings");  // concluded by another process
  CHECK(audited(1.0f, 7.0, true).front() == "of settings");
  CHECK(audited(1.0f, 1.25).at(0) == "FVU is 1.250000 on coarse: there the SAE explains less than the mean does");
  CHECK(audited(1.0f, 1.25).at(1) == "of settings");
  // What is decoded thrice too long leaves 2 x of x: FVU 4 E x^2 / Var x, 4 where the mean is 0.
  const std::vector<std::string> bad = audited(3.0f, 1.25);
  CHECK(bad.at(0).starts_with("FVU is 4.0"));
  CHECK(bad.at(0).ends_with(" on the reference: this SAE explains less than the mean does, and nothing here should be "
                            "believed"));
  CHECK(bad.at(1) == "of settings");
}

TEST_CASE("conclude: a record that lacks rows is refused by its name") {
  const token_layout layout{.rows = 64, .row_tokens = 64, .last = 63};
  const auto x = random_activations(63 * 64, 4);
  feature_audit audit(lossless_sae(4), layout);
  audit.add_reference({x.data(), 63 * 64, 4});
  CHECK_THROWS_AS(audit.end_reference(), error);
  compressed_side side(audit, "some rows");
  side.add({x.data(), 63 * 64, 4});
  check_refused([&] { conclude(side.record(), audit.reference(), audit.dictionary()); },
                {"\"some rows\"", "end before"});
}

TEST_CASE("conclude: what is known of a condition beside its features is passed on") {
  constexpr std::size_t d = 4, rows = 64, context = 64;
  const auto x = random_activations(rows * context, d);
  const auto y = shaken(x, 0.2f);
  feature_audit audit(lossless_sae(d), {rows, context, 1}, true);
  audit.add_reference({x.data(), rows * context, d});
  compressed_side side(audit, "moved");
  side.add({y.data(), rows * context, d});
  pass_record record = side.record();
  record.tensors.push_back({.info = {.name = "w"}, .weights = 10, .change = {}, .stored_bits = 45.0});
  record.match = pruning_match{.matched_to = "other", .method = "some", .trials = {}};
  const std::vector<token_comparison> scores(rows * (context - 1), {2.0, 2.5, 0.25, true});
  record.add_losses(0, scores, context - 1);
  const condition_result c = conclude(record, audit.end_reference(), audit.dictionary(), 8);
  CHECK(c.policy == "moved");
  CHECK(c.bits_per_weight == 4.5);
  CHECK(c.match->matched_to == "other");
  CHECK(c.loss->excess_loss.value == 0.5);
  CHECK(c.loss->batch_loss == 2.5);
  CHECK(c.first.position == 1);
  // Who makes no report of it knows as much.
  const condition_result outline = name_and_losses(record, 8);
  CHECK(outline.policy == "moved");
  CHECK_FALSE(outline.reference);
  CHECK(outline.loss->excess_loss.value == 0.5);
  CHECK(outline.loss->batch_loss == 2.5);
  CHECK(outline.features.empty());
  CHECK(name_and_losses(audit.reference()).reference);
  CHECK(c.first.shift_share == doctest::Approx(1.0 / 63.0).epsilon(0.2));
  CHECK(c.first.flip_share == doctest::Approx(1.0 / 63.0).epsilon(0.5));
  // Four values, each moved by 0.2 of a standard deviation of 1.
  CHECK(c.shift->relative.value == doctest::Approx(0.04).epsilon(0.1));
  CHECK(c.shift->energy.value == doctest::Approx(0.16).epsilon(0.1));
}

}  // namespace audit_conclude_test

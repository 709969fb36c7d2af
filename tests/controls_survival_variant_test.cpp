// SPDX-License-Identifier: Apache-2.0
#include "qfa/controls/survival_variant.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace controls_survival_variant_test {

using namespace qfa;
using namespace qfa_test;

namespace {

control_material tiny_material() {
  return {.model = tiny_model(),
          .dictionary = lossless_sae(64),
          .rows = random_rows(40, 12, 97),
          .matching = {},
          .calibration = {},
          .settings = tiny_settings(),
          .options = {},
          .policies = {any_policy(rtn{.bits = 8}), any_policy(rtn{.bits = 3})},
          .targets = {}};
}

}  // namespace

TEST_CASE("survival_variant: rows gain a BOS for their last token, or lose it") {
  token_rows rows{.context = 3};
  rows.ids = {5, 6, 7, 8, 9, 10};
  rows.documents = {3, 4};
  const token_rows more = with_bos_changed(rows, 1, false);
  CHECK(more.context == 3);
  CHECK(more.ids == std::vector<std::uint32_t>{1, 5, 6, 1, 8, 9});
  const token_rows fewer = with_bos_changed(rows, 1, true);
  CHECK(fewer.context == 2);
  CHECK(fewer.ids == std::vector<std::uint32_t>{6, 7, 9, 10});
  CHECK(more.documents == rows.documents);
  CHECK(fewer.documents == rows.documents);
}

TEST_CASE("survival_variant: the policies run once more as the material says") {
  control_material with = tiny_material();
  const survival_variant as_it_is = run_variant("as it is", with).found;
  REQUIRE(as_it_is.conditions.size() == 2);
  CHECK(as_it_is.conditions[0].policy == "rtn:bits=8");
  CHECK(as_it_is.conditions[0].mean_r.value > as_it_is.conditions[1].mean_r.value);
  CHECK(as_it_is.fvu < 1e-6);
  with.settings.skip_positions = 6;
  const survival_variant fewer = run_variant("fewer positions", with).found;
  CHECK(fewer.conditions[1].mean_r.value != as_it_is.conditions[1].mean_r.value);
  with.options.share.concludes = false;
  CHECK(run_variant("no report", with).found.conditions.empty());
}

TEST_CASE("variant_beside: finds what a run of its own finds, and nothing where it was not shown everything") {
  control_material with = tiny_material();
  with.policies.resize(1);
  SUBCASE("groups cut between rows") {}
  SUBCASE("groups cut between documents") {
    std::vector<std::uint32_t>& documents = with.rows.documents;
    for (const std::uint32_t rows : {1U, 7U, 2U, 5U, 3U, 6U, 1U, 4U, 8U, 3U})
      documents.insert(documents.end(), rows, static_cast<std::uint32_t>(documents.size()));
  }
  control_passes passes(with.model, with.dictionary, with.rows, with.settings, with.options, {});
  control_material other = with;
  other.settings.skip_positions = 1;
  variant_beside whole("without position 0", other), blind("blind", other), late("late", other);
  const auto unseen = [](const pass_record&) {};
  const auto run = [&](const char* name, const any_policy& policy, auto watch) {
    passes.run(name, [&] { return passes.model().compress_by(policy, {}); }, unseen, {.losses = false, .watch = watch});
  };
  run("again", any_policy{}, [&](std::size_t block, matrix_view<const float> x) {
    whole.add_reference(block, x);
    late.add_reference(block + 1, x);
  });
  for (variant_beside* v : {&whole, &blind, &late})
    v->begin("rtn:bits=8");
  run("rtn:bits=8", with.policies[0], [&](std::size_t block, matrix_view<const float> x) {
    for (variant_beside* v : {&whole, &blind, &late})
      v->add(block, x);
  });
  for (variant_beside* v : {&whole, &blind, &late})
    v->end();
  CHECK(!blind.found());
  CHECK(!late.found());
  REQUIRE(whole.found());
  const survival_variant beside = whole.found()->found, alone = run_variant("without position 0", other).found;
  CHECK(beside.what == alone.what);
  CHECK(beside.counted == alone.counted);
  CHECK(beside.fvu == alone.fvu);
  REQUIRE(beside.conditions.size() == 1);
  CHECK(beside.conditions[0].policy == "rtn:bits=8");
  CHECK(beside.conditions[0].mean_r.value == alone.conditions[0].mean_r.value);
  CHECK(beside.conditions[0].mean_r.range.lower == alone.conditions[0].mean_r.range.lower);
  whole.begin("rtn:bits=3");
  whole.end();
  CHECK(!whole.found());
}

TEST_CASE("survival_variant: the sample for thresholds is what the encoder reads of the analyzed positions") {
  control_material with = tiny_material();
  with.settings.skip_positions = 2;
  const std::vector<float> inputs = sample_encoder_inputs(with);
  CHECK(inputs.size() == 40 * 10 * 64);
}

}  // namespace controls_survival_variant_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/conclude.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "audit_made_up.hpp"

namespace audit_conclude_test {

using namespace qfa;
using namespace qfa_test;

TEST_CASE("decoder_norms: the length of each feature's row") {
  sae s = lossless_sae(3);
  s.w_dec[0] = 3.0f;
  s.w_dec[1] = 4.0f;
  const auto norms = decoder_norms(s);
  REQUIRE(norms.size() == 6);
  CHECK(norms[0] == doctest::Approx(5.0));
  CHECK(norms[5] == doctest::Approx(1.0));
}

TEST_CASE("conclude and compare_conditions: every pair of conditions but the reference, under both protocols") {
  constexpr std::size_t d = 4, rows = 64, context = 64;
  const auto x = random_activations(rows * context, d);
  feature_audit audit(lossless_sae(d), {rows, context});
  audit.add_reference({x.data(), rows * context, d});
  audit_result all;
  all.conditions.push_back(conclude("reference", audit.end_reference(), audit.dictionary(), true));
  for (const float by : {0.1f, 0.6f, 3.0f}) {
    const auto y = shaken(x, by);
    compressed_side side(audit);
    side.add({y.data(), rows * context, d});
    all.conditions.push_back(
        conclude("shaken " + std::to_string(by), std::move(side).findings(), audit.dictionary(), false));
  }
  compare_conditions(all);
  CHECK(all.published_overlaps.size() == 3);
  CHECK(all.honest_overlaps.size() == 3);
  CHECK(all.published_overlaps[0].a == all.conditions[1].policy);
  CHECK(all.published_overlaps[2].b == all.conditions[3].policy);
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

}  // namespace audit_conclude_test

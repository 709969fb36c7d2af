// SPDX-License-Identifier: Apache-2.0
#include "qfa/law/finding.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "law_oracle.hpp"

namespace law_finding_test {

qfa::law_table oracle_table() {
  qfa::law_table t;
  t.degradation = qfa_test::law_rows("table", "delta");
  t.feature_noise = qfa_test::law_rows("table", "nu");
  t.losses = qfa_test::law_rows("loss_table", "loss");
  return t;
}

TEST_CASE("find_precision_laws: D_crit is that of the two fitted laws, its interval moves with both") {
  const qfa::law_table table = oracle_table();
  const qfa::precision_findings found = qfa::find_precision_laws(table);
  REQUIRE(found.degradation.has_value());
  REQUIRE(found.feature_noise.has_value());
  REQUIRE(found.loss.has_value());
  CHECK_FALSE(found.unified.has_value());
  CHECK(found.missing.empty());
  CHECK(found.loss->law.alpha == qfa::fit_loss(table.losses).law.alpha);
  REQUIRE(found.loss_parameters.size() == 4);
  const double fitted[] = {found.loss->law.a, found.loss->law.b, found.loss->law.e, found.loss->law.alpha};
  for (std::size_t i = 0; i < 4; ++i) {
    const qfa::estimate& p = found.loss_parameters[i].value;
    CAPTURE(found.loss_parameters[i].name);
    CHECK(p.value == fitted[i]);
    CHECK(p.range.kind == qfa::interval_kind::two_sided);
    CHECK(p.range.scale == qfa::interval_scale::log);
    CHECK(p.range.lower < p.value);
    CHECK(p.value < p.range.upper);
  }
  REQUIRE(found.critical.size() == 18);
  for (const qfa::critical_finding& c : found.critical) {
    CHECK(c.tokens.value == qfa::critical_tokens(found.loss->law, found.degradation->law, c.parameters, c.bits));
    CHECK(c.tokens.range.kind == qfa::interval_kind::two_sided);
    CHECK(c.tokens.range.lower < c.tokens.value);
    CHECK(c.tokens.value < c.tokens.range.upper);
    CHECK(c.longest > 9e6);
  }
}

TEST_CASE("find_precision_laws: models trained in few bits are in no law of full precision") {
  qfa::law_table table = oracle_table();
  const qfa::precision_findings expected = qfa::find_precision_laws(table);
  for (const bool of_losses : {false, true}) {
    std::vector<qfa::observation>& rows = of_losses ? table.losses : table.degradation;
    qfa::observation trained = rows.front();
    trained.trained_bits = 4.0;
    trained.value *= 3.0;
    trained.checkpoint = 1000;
    rows.push_back(trained);
  }
  const qfa::precision_findings found = qfa::find_precision_laws(table);
  REQUIRE(found.degradation.has_value());
  REQUIRE(found.loss.has_value());
  CHECK(found.degradation->evidence.rows == expected.degradation->evidence.rows);
  CHECK(found.degradation->law.c == expected.degradation->law.c);
  CHECK(found.loss->law.e == expected.loss->law.e);
}

TEST_CASE("find_precision_laws: a law that the table cannot determine is missing, with the reason") {
  qfa::law_table table = oracle_table();
  for (qfa::observation& row : table.feature_noise)
    row.parameters = 1e6;
  table.losses.resize(3);
  const qfa::precision_findings found = qfa::find_precision_laws(table);
  CHECK(found.degradation.has_value());
  CHECK_FALSE(found.feature_noise.has_value());
  CHECK(found.critical.empty());
  REQUIRE(found.missing.size() == 2);
  CHECK(found.missing[0] ==
        "feature noise: the table cannot determine the law: it has 1 usable size N, expected at least 2");
  CHECK(found.missing[1] == "loss: the table cannot determine the law: it has 3 usable rows, expected at least 4");
}

}  // namespace law_finding_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/survival/evidence_range.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "statistics_oracle.hpp"

namespace survival_evidence_range_test {

TEST_CASE("effective_groups_of: least, lower median and most of the counted features alone") {
  qfa::survey s;
  for (const double m : {3.0, 40.0, 7.5, 1.0, 12.0, 9.0}) {
    s.correlations.evidence.push_back({});
    s.correlations.evidence.back().effective = m;
  }
  s.counted = {1, 2, 4, 5};
  const qfa::evidence_range found = qfa::effective_groups_of(s);
  CHECK(found.least == 7.5);
  CHECK(found.median == 9.0);
  CHECK(found.most == 40.0);
  s.counted = {};
  CHECK(std::isnan(qfa::effective_groups_of(s).median));
}

TEST_CASE("effective_groups_of: no measured feature has less than the protocol asks for, nor more than there are") {
  const qfa_test::statistics_oracle oracle;
  const qfa::survey s = qfa::take_survey(oracle.table("a"), qfa::honest);
  const qfa::evidence_range found = qfa::effective_groups_of(s);
  CHECK(found.least >= qfa::honest.minimum_effective_groups);
  CHECK(found.least <= found.median);
  CHECK(found.most <= static_cast<double>(oracle.groups) + 1e-9);
}

}  // namespace survival_evidence_range_test

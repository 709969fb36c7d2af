// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_REPORT_MADE_FINDINGS_HPP
#define QFA_TESTS_REPORT_MADE_FINDINGS_HPP

#include "law_oracle.hpp"
#include "qfa/law/finding.hpp"

namespace qfa_test {

/// What the oracle's tables say, one row without a logarithm, read at a place within the table and one far outside.
inline qfa::precision_findings made_findings() {
  qfa::law_table table;
  table.degradation = law_rows("table", "delta");
  table.degradation[5].value = -1e-9;
  table.losses = law_rows("loss_table", "loss");
  const qfa::law_place places[] = {{1e5, 2e6, 4}, {1e5, 2e12, 4}};
  qfa::precision_findings found = qfa::find_precision_laws(table, places);
  found.missing.push_back("feature noise: no column");
  return found;
}

}  // namespace qfa_test

#endif

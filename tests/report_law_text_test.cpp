// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/law_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_made_findings.hpp"

namespace report_law_text_test {

TEST_CASE("law_text: reads as a finding with its evidence") {
  const std::string text = qfa::law_text(qfa_test::made_findings());
  const auto says = [&](const char* part) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  };
  says("longer training makes rounding cost more");
  says("evidence: 71 rows of 12 checkpoints, 3 N, 12 D, 6 precisions");
  says("measured / law at bits: 3: ");
  says("without N 2.547e+04");
  says("within the table");
  says("EXTRAPOLATED");
  says("warning: 1 of 72 rows have a value of 0 or less");
  says("loss before quantization");
  says("95 % by checkpoints: A [");
  says(", alpha [");
  says("not reached");
  says("not determined: feature noise: no column");
  CHECK(text.find("nan") == std::string::npos);
}

TEST_CASE("law_text: says so where the sign of gamma_D is open") {
  qfa::precision_findings found = qfa_test::made_findings();
  qfa::estimate& gamma_d = found.degradation->evidence.parameters[1].value;
  gamma_d.range.lower = -0.1;
  CHECK(qfa::law_text(found).find("does not show that training longer matters") != std::string::npos);
  gamma_d.range.lower = -0.2;
  gamma_d.range.upper = -0.1;
  CHECK(qfa::law_text(found).find("longer training makes rounding cost less") != std::string::npos);
}

}  // namespace report_law_text_test

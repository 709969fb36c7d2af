// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/allocation_text.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "made_up_allocation.hpp"

namespace report_allocation_text_test {

namespace {

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("allocation_finding: counts, differences with intervals, and whether these exclude zero") {
  qfa::allocation_result a = qfa_test::made_allocation();
  const std::string found = qfa::allocation_finding(a);
  CAPTURE(found);
  CHECK(says(
      found,
      "keeps 80 of 100 features above r = 0.9 within 100 bytes, and rtn:bits=4 in every matrix 70: +10 features as "
      "counted, +10.2 smoothed ["));
  CHECK(says(found, "an interval that excludes zero."));
  CHECK(says(found, "uniform weights on noise to signal, is 2.00 times ["));
  CHECK(says(found, "its smoothed median noise to signal 2.00 times ["));
  CHECK(says(found, "The least KL within the same bytes keeps 72 (+2 features as counted, +2.8 smoothed ["));
  CHECK(says(found, "against it, with KL 0.50 times ["));
  CHECK(says(found, "With KL left free, features would keep 90 (+20 features as counted, +20.5 smoothed ("));
  CHECK(says(found, "1 of 2 matrices lie where no feature at blocks.1.hook_resid_post notices them"));
  CHECK(says(found,
             "Together, matrices do 1.12 [1.00, 1.25] times the sum of what each does alone (the median feature; "
             "quartiles 0.80 to 1.25, unmeasured)"));
  CHECK(says(
      found,
      "Chosen: 1 rtn:bits=3, 1 rtn:bits=4; no choice within these bytes and uniform precision's KL is predicted to "
      "do less than 87.5 % of it"));
  CHECK(!says(found, "features to keep"));

  qfa::allocation_result unsure = a;  // the counts' interval excludes zero still: it is the smoothed counts' that tells
  unsure.comparisons[0].smoothed.range.lower = -0.5;
  CHECK(unsure.comparisons[0].survived.range.lower > 0.0);
  CHECK(says(qfa::allocation_finding(unsure), "an interval that does not exclude zero."));

  std::swap(a.comparisons[0], a.comparisons[2]);  // +2, with an interval around zero
  CHECK(says(qfa::allocation_finding(a), "an interval that does not exclude zero."));
  a.comparisons[0] = compare_mixes(a.mixes[0], a.mixes[1]);
  CHECK(says(qfa::allocation_finding(a), "uniform precision is better here."));
  a.adds_up.median.value = a.adds_up.upper_quartile = 2.0;
  a.predicted[1].exact = true;
  a.predicted[2].chosen = a.predicted[1].chosen;
  a.listed = 9;
  a.listed_measured = 4;
  const std::string other = qfa::allocation_finding(a);
  CHECK(says(other, "beyond 0.67 to 1.5"));
  CHECK(says(other, "no choice within these bytes is predicted to do less.\n"));
  CHECK(!says(other, "left free"));
  CHECK(says(other, "4 of the 9 features to keep"));
}

TEST_CASE("allocation_header: says what was read, by which SAE, and what to beware of") {
  qfa::audit_protocol made{.context = 128, .prepend_bos = true, .processing = "none", .order = "compress,process"};
  made.inputs.push_back({"model.safetensors", 12, "cbf43926"});
  made.warnings.push_back("mind the step");
  const std::string header = qfa::allocation_header(qfa_test::made_allocation(), made);
  CAPTURE(header);
  CHECK(says(header,
             "at blocks.1.hook_resid_post of a jump_relu SAE of 512 features, FVU 0.0625 on the reference and "
             "0.1250 with mixed precision (unmeasured): 2 matrices, 2 policies, 100 bytes."));
  CHECK(says(header, "Rows of 128 tokens, with BOS; processing none, order compress,process."));
  CHECK(says(header, "read: model.safetensors (12 bytes, CRC-32 cbf43926)"));
  CHECK(says(header, "warning: mind the step\nwarning: some rows are held-out rows\n"));
  CHECK(!says(header, "calibrated"));
  made.prepend_bos = false;
  made.calibration = "\"some.npy\"";
  const std::string other = qfa::allocation_header(qfa_test::made_allocation(), made);
  CHECK(says(other, "no BOS"));
  CHECK(says(other, "calibrated on \"some.npy\"\n"));
  CHECK(!says(other, "groups of rows, not"));
  qfa::allocation_result joined = qfa_test::made_allocation();
  joined.halving = qfa::group_halving{
      .from = 40, .to = 10, .block_length = 3.5, .policy = "KL", .series = "excess loss", .for_halves = 10};
  CHECK(says(qfa::allocation_header(joined, made),
             "note: intervals leave out each of 10 groups of rows, not 40, as rows depend on each other in excess loss "
             "of KL over 3.5 rows\n"));
  joined.halving->long_enough = false;
  CHECK(says(qfa::allocation_header(joined, made), "over 3.5 rows, and a group has 1.0: 8 groups would be"));
  CHECK(says(qfa::allocation_header(joined, made), " held-out rows as far apart as these\n"));
  joined.fit_halving = joined.halving;
  CHECK(says(qfa::allocation_header(joined, made),
             "note: intervals of how far damage adds up leave out each of 10 groups of rows"));
}

TEST_CASE("allocation_table: a line for each plan, the uniform one with its option") {
  const std::string table = qfa::allocation_table(qfa_test::made_allocation());
  CHECK(std::ranges::count(table, '\n') == 5);
  CHECK(says(table, "uniform rtn:bits=4    100    70/100"));
  CHECK(says(table, "features alone"));
  CHECK(says(table, "0.4000"));  // the objective of features
}

}  // namespace report_allocation_text_test

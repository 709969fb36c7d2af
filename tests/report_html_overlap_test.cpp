// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_overlap.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_overlap_test {

TEST_CASE("page script, overlap and prediction: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_overlap, {"showOverlap", "showPrediction"});
}

TEST_CASE("page script, overlap: an interval about the value without noise stands beside that value") {
  // Of every Spearman correlation: in the tip of the picture and in the table.
  CHECK(qfa_test::count_of(qfa::html_overlap, "o => o.spearman_damage, null, withoutNoise]") == 1);
  CHECK(qfa_test::count_of(qfa::html_overlap, "without noise ${fixed(e.bias_corrected, 3)} ${range(e, 3)}") == 1);
  CHECK(qfa_test::count_of(qfa::html_overlap, "words(e)") == 1);
}

TEST_CASE("page script, overlap: rank correlations say how many features share a rank") {
  CHECK(qfa_test::count_of(qfa::html_overlap, "(o.tied_at_damage_one || []).join(', ')") == 1);
  CHECK(qfa_test::count_of(qfa::html_overlap, "(o.tied_at_damage_zero || []).join(', ')") == 1);
  CHECK(qfa_test::count_of(qfa::html_overlap, "range(o.kendall_tau_b_damage, 3)") == 1);
}
}  // namespace report_html_overlap_test

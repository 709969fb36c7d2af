// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_survival.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_survival_test {

TEST_CASE("page script, what survives: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_survival, {"showSummary", "showBands", "showMasking", "showCurve"});
}

TEST_CASE("page script, what survives: no share of survivors without its interval and the SAE") {
  // Every table and figure that says "survived" says so of an SAE.
  CHECK(qfa_test::count_of(qfa::html_survival, "percentRange(by(c).survived)") >= 5);
  CHECK(qfa_test::count_of(qfa::html_survival, "saeWords(report)") >= 10);
}

TEST_CASE("page script, what survives: a band's share has the share less its bias, a difference its paired interval") {
  CHECK(qfa_test::count_of(qfa::html_survival, "by(c)[b].bias_corrected") == 1);
  CHECK(qfa_test::count_of(qfa::html_survival, "percentRange(o.a_survives_more_by)") == 1);
  CHECK(qfa_test::count_of(qfa::html_survival, "o.a_survives_more_by.bias_corrected") == 1);
  CHECK(qfa_test::count_of(qfa::html_survival, "range(o.a_mean_r_more_by, 4)") == 1);
}

TEST_CASE("page script, what survives: the worst features as the rows that did not choose them have them") {
  CHECK(qfa_test::count_of(qfa::html_survival, "range(w.mean_r_on_odd_groups, 3)") == 1);
  CHECK(qfa_test::count_of(qfa::html_survival, "percentRange(w.not_survived_on_odd_groups)") == 1);
  CHECK(qfa_test::count_of(qfa::html_survival, "fixed(value(f.r_on_odd_groups), 3)") == 1);
  CHECK(qfa_test::count_of(qfa::html_survival, "range(f.r_on_odd_groups, 3)") == 1);
}
}  // namespace report_html_survival_test

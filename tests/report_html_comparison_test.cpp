// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_comparison.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_comparison_test {

TEST_CASE("page script, two audits: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_comparison, {"showComparison"});
}

TEST_CASE("page script, two audits: what either's numbers rest on, and no number without its interval or the word") {
  for (const char* said : {"groundsOf(r)", "range(c.loss.kl, 4)", "percentRange(by(c).blurred)",
                           "percentRange(by(c).destroyed)", "range(c.sae_fit.fvu_interval, 4)",
                           "range(d.spearman_r, 3)", "fixed(d.spearman_r.bias_corrected, 3)"})
    CHECK_MESSAGE(qfa_test::count_of(qfa::html_comparison, said) == 1, said);
}

}  // namespace report_html_comparison_test

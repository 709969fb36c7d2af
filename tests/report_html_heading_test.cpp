// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/html_heading.hpp"

#include <doctest/doctest.h>

#include "html_laws.hpp"

namespace report_html_heading_test {

TEST_CASE("page script, the heading: obeys the laws of a part and defines what others call") {
  qfa_test::check_script_part(qfa::html_heading, {"by", "visible", "compressed", "showNarrowIntervals", "showPublished",
                                                  "groundsOf", "showHead"});
}

TEST_CASE("page script, the heading: what every number of the page rests on") {
  for (const char* said : {"sae_fit.fvu", "fvuOfOthers(r)", "effective_groups", "p.rows", "p.groups", "p.prepend_bos",
                           "p.processing", "p.order", "unmeasured`"}) {
    CAPTURE(said);
    CHECK(qfa_test::count_of(qfa::html_heading, said) > 0);
  }
}

TEST_CASE("page script, the heading: published numbers say what was done in this audit, as its report has it") {
  CHECK(qfa_test::count_of(qfa::html_heading, "(r.protocol.published || {}).warnings") == 1);
  for (const char* fixed_words : {"no BOS", "head scales"}) {
    CAPTURE(fixed_words);
    CHECK(qfa_test::count_of(qfa::html_heading, fixed_words) == 0);
  }
}

}  // namespace report_html_heading_test

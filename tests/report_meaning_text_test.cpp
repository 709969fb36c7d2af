// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/meaning_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "report_meaning.hpp"

namespace report_meaning_text_test {

TEST_CASE("meanings_text: how many features mean something else, which, and where firings went") {
  qfa::audit_result a;
  a.conditions.emplace_back();
  CHECK(qfa::meanings_text(a).empty());
  a.conditions.push_back(qfa_test::changed_condition());
  const std::string text = qfa::meanings_text(a);
  const auto says = [&](const std::string& part) { return text.find(part) != std::string::npos; };
  CHECK(says("made up: 1 of 2 measured features fire on other tokens"));
  CHECK(says("more than 0.250 bits"));
  CHECK(says("0 keep their magnitudes where both models fire (r > .9), 1 do not") == false);
  CHECK(says("1 keep their magnitudes where both models fire (r > .9), 0 do not"));
  CHECK(says("rows (counts and shares of this section have no intervals: unmeasured)"));
  CHECK(
      says("the even groups of rows choose 2 that diverge by more than that, of which 1 do on the odd groups, too; the "
           "first of them, as the odd groups have them:\n"));
  CHECK(says("feature 0 (0.75 bits, r where both fire, over all rows, 0.95): 4 75 %, 1 25 %  became  3 100 %"));
  CHECK(says("feature 1 (silent on a side, r where both fire, over all rows, 0.50): nothing  became  nothing"));
  CHECK(says(
      "2 measured features, with 25 missed firings or more on the even groups, lose at least half of these to one "
      "feature of a similar direction, and 1 of them on the odd groups, too; there: 1 to 0 (75 % of 60), 0 to 2 (none "
      "missed)\n"));
  CHECK(says("of 2 features with r <= .9, 1 have r > .9 as a family\n"));
  CHECK(says("under cast:to=bf16 99 % of features diverge by 0.0625 bits or less: beyond that are 2\n"));
  CHECK(says("ICC") == false);
  a.conditions[1].meaning->icc_of_kin = 0.5;
  CHECK(qfa::meanings_text(a).find("ICC 0.50 over 0 features with a noise to signal below 4, r above .45") !=
        std::string::npos);

  const qfa::vocabulary words({"a", "b", "c", "once", "\u2581upon"});
  CHECK(qfa::meanings_text(a, words).find("\"upon\" 75 %, \"b\" 25 %  became  \"once\" 100 %") != std::string::npos);
}

}  // namespace report_meaning_text_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/heading_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

namespace report_heading_text_test {

using namespace qfa;

namespace {

bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("heading_text: tokens, groups, the SAE and its fit on both models, BOS, processing, order and evidence") {
  model_audit audit = qfa_test::tiny_audit({}, qfa_test::tiny_settings(), 80);
  audit.run(rtn{.bits = 8});
  audit.run(rtn{.bits = 4});
  audit_result a = audit.result();
  const std::string text = heading_text(a);
  for (const char* said :
       {"80 rows of 12 tokens, 960 analyzed, 20 groups", "BOS not added", "0 positions of each row",
        "processing none, in the order compress,process", "relu SAE of 128 features", "FVU ",
        " % (unmeasured); on compressed", "; on compressed models FVU ", "counted", "(m_eff), median "}) {
    CAPTURE(said);
    CHECK(has(text, said));
  }
  a.made.prepend_bos = true;
  a.made.skip_positions = 1;
  a.conditions[1].fit.fvu = 0.25;
  a.conditions[2].fit.fvu = 0.5;
  CHECK(has(heading_text(a), "BOS begins every row, 1 position of each row left out"));
  CHECK(has(heading_text(a), "on compressed models FVU 0.2500 to 0.5000\n"));
  a.conditions[2].ladder_only = true;
  CHECK(has(heading_text(a), "on compressed models FVU 0.2500\n"));
  a.conditions.resize(1);
  CHECK_FALSE(has(heading_text(a), "compressed models"));
}

}  // namespace report_heading_text_test

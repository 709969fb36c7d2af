// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/read_heading.hpp"

#include <doctest/doctest.h>

#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/report/audit_json.hpp"

namespace report_read_heading_test {

using namespace qfa;

TEST_CASE("heading_facts_of a report: the words are those of the audit that it is of, under either protocol") {
  model_audit audit = qfa_test::tiny_audit({}, qfa_test::tiny_settings(), 80);
  audit.run(rtn{.bits = 8});
  audit.run(rtn{.bits = 4});
  audit_result a = audit.result();
  a.made.prepend_bos = true;
  a.made.skip_positions = 1;
  report_json report = to_json(a);
  CHECK(heading_text(heading_facts_of(report, "honest")) == heading_text(a));
  a.headline = published;
  CHECK(heading_text(heading_facts_of(report, "published")) == heading_text(a));
  CHECK(heading_text(heading_facts_of(report, "published")) != heading_text(heading_facts_of(report, "honest")));
  // Rungs that no table shows, a gate that is ignored, and nothing but what was dumped.
  a.conditions[2].ladder_only = true;
  a.conditions[2].fit.fvu = 7.5;
  a.made.gate = "relu, ignored";
  a.made.processing = a.made.order = "";
  report = to_json(a);
  CHECK(heading_text(heading_facts_of(report, "published")) == heading_text(a));
  CHECK(heading_text(a).find("processing not known\nrelu, ignored SAE") != std::string::npos);
  CHECK(heading_text(a).find("7.5") == std::string::npos);
}

TEST_CASE("heading_facts_of a report that lacks what it needs throws") {
  model_audit audit = qfa_test::tiny_audit();
  report_json report = to_json(audit.result());
  report["protocol"].erase("groups");
  CHECK_THROWS_AS(heading_facts_of(report, "honest"), report_json::exception);
}

}  // namespace report_read_heading_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/audit_text.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "report_estimates.hpp"

namespace report_audit_text_test {

using namespace qfa;

namespace {

audit_result full_audit() {
  model_audit audit = qfa_test::tiny_audit({.paired = true, .token_damage = true}, qfa_test::tiny_settings(), 80);
  audit.run(rtn{.bits = 8});
  audit.run(rtn{.bits = 4});
  audit_protocol made;
  made.calibration = "rows 3 to 4";
  made.warnings = {"mind the step"};
  made.checkpoints.push_back({"int4", "there", "GPTQ"});
  return audit.result(made);
}

control_findings some_controls() {
  control_findings c;
  c.counted = 100;
  controlled_policy& p = c.policies.emplace_back();
  p.policy = "rtn:bits=4";
  p.survived = qfa_test::made_estimate(0.75, 0.7, 0.8);
  control_contrast& x = p.contrasts.emplace_back();
  x.control = "matched noise";
  shared_damage& pair = c.pairs.emplace_back();
  pair.a = "rtn:bits=4";
  pair.b = "prune";
  return c;
}

bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("audit_text: Markdown has every section that the text has") {
  const audit_result a = full_audit();
  const control_findings controls = some_controls();
  const audit_additions more{.controls = &controls};
  const std::string text = audit_text(a, more), pasted = audit_text(a, more, table_form::markdown);
  for (const char* said : {"960 analyzed",
                           "FVU",
                           "calibrated on rows 3 to 4",
                           "int4 is there: GPTQ",
                           "warning: mind the step",
                           "PPL",
                           "\"survived\" bears",
                           "position 0 of each row has activations of mean length",
                           "95 % of",
                           "false discovery rate of 5 %",
                           "r > .9, in % of",
                           "percentiles over tokens",
                           "rtn:bits=4, KL",
                           "worst features",
                           "% of counted features",
                           "differences, paired by rows",
                           "rtn:bits=8 less rtn:bits=4",
                           "overlap of features",
                           "order of damage d = 1 - r",
                           "predicted survival",
                           "AUC published and fold sd: protocol: arXiv 2606.03002; predictors of rank 3",
                           "controls: ",
                           "policy against control, by mean r",
                           "same features hurt?",
                           "predictable?",
                           "chosen on some rows",
                           "r > .9 in %, mean r",
                           "activations move by",
                           "KL goes with the code's cosine"}) {
    CAPTURE(said);
    CHECK(has(text, said));
    CHECK(has(pasted, said));
  }
  // All tables of the one are tables of the other: none is left in columns.
  std::size_t tables = 0;
  for (std::size_t at = pasted.find("|:--"); at != std::string::npos; at = pasted.find("|:--", at + 1)) {
    ++tables;
    const std::size_t head = pasted.rfind('\n', at - 2);
    CHECK(pasted.substr(head - 1, 3) == "\n\n|");  // an empty line, then the heads
  }
  CHECK(tables >= 14);
  CHECK_FALSE(has(pasted, "\npredicted survival"));
  CHECK(has(text, "\npredicted survival"));
  // And no table in columns: nothing but what stands between bars is set apart by three spaces.
  std::istringstream lines(pasted);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK((line.starts_with("|") || !has(line, "   ")));
  }
  CHECK(has(text, "   "));
}

TEST_CASE("audit_text: published numbers carry their tag and what was done here, honest ones do not") {
  model_audit audit = qfa_test::tiny_audit();
  audit.run(rtn{.bits = 4});
  audit_result a = audit.result();
  const char* const by_honest[] = {"at a false discovery rate of 5 %, honest protocol",
                                   "predicted survival, honest protocol",
                                   "of the error's energy, over what the honest protocol counts, rtn:bits=4 ",
                                   "by the honest protocol:\nrtn:bits=4: the "};
  for (const char* said : by_honest)
    CHECK_FALSE(has(audit_text(a), said));
  const std::string tag = "protocol: arXiv 2606.03002, whose numbers hang on what the paper does";
  CHECK_FALSE(has(audit_text(a), tag));
  a.headline = published;
  const std::string text = audit_text(a);
  CHECK(has(text, "\n" + tag + "\nwarning: the paper adds no BOS, and here none is added\n"));
  CHECK(has(text, "here no policy does\n"));
  for (const char* said : by_honest) {
    CAPTURE(said);
    CHECK(has(text, said));
  }
  CHECK(has(audit_text(a, {}, table_form::markdown), "\n" + tag + "  \nwarning: the paper adds no BOS"));
}

TEST_CASE("audit_text: what was not asked for has no section") {
  model_audit audit = qfa_test::tiny_audit();
  const std::string text = audit_text(audit.result());
  for (const char* said : {"controls", "false discovery rate", "predicted survival", "activations move", "calibrated"})
    CHECK_FALSE(has(text, said));
}

}  // namespace report_audit_text_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/text_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "report_estimates.hpp"

namespace report_text_table_test {

using namespace qfa;

TEST_CASE("text_table: columns are as wide as their widest cell, and no line ends in blanks") {
  text_table table({"a", "bb", "c"});
  table.add({"wide", "1", ""});
  CHECK(table.str() == "a     bb  c\nwide   1\n");
}

TEST_CASE("text_table: in Markdown every cell is its text, whatever it holds, and a short row is filled up") {
  text_table table({"pair", "J", "95 %"});
  table.add({"a|b_c", "0.5", "[0.4, 0.6]"});
  table.add({"x*", "`1`<"});
  CHECK(table.str(table_form::markdown) ==
        "| pair | J | 95 % |\n|:--|--:|--:|\n| a\\|b\\_c | 0.5 | [0.4, 0.6] |\n| x\\* | \\`1\\`\\< |  |\n");
}

TEST_CASE("markdown_text: lines stay lines, and a table stands between empty ones") {
  CHECK(markdown_text("a\nb\n| x |\n|:--|\nc\n\nd") == "a  \nb  \n\n| x |\n|:--|\n\nc  \n\nd  \n");
  CHECK(markdown_text("").empty());
}

TEST_CASE("markdown_text: a stranger's name stays text, and our own words stay readable") {
  const auto line = [](const std::string& text) {
    const std::string out = markdown_text(text + "\n");
    return out.substr(0, out.size() - 3);
  };
  CHECK(line("became  \"<bos>\" 70 %, \"</s>\" 5 %") == "became  \"\\<bos>\" 70 %, \"\\</s>\" 5 %");
  CHECK(line("\"*\" and \"`x`\" and \"a|b\"") == "\"\\*\" and \"\\`x\\`\" and \"a\\|b\"");
  CHECK(line("my__model and _private_") == "my\\_\\_model and \\_private\\_");
  CHECK(line("\"&amp;\" \"](\" \"~~\" \"\\*\"") == "\"\\&amp;\" \"\\](\" \"\\~~\" \"\\\\\\*\"");
  CHECK(line("# heading") == "\\# heading");
  CHECK(line("> quoted") == "\\> quoted");
  CHECK(line("|x is named so") == "\\|x is named so");
  // None of these means anything to Markdown.
  for (const char* own :
       {"rtn:bits=4 [0.91, 0.93], r < 0.9 and r <= .9 & a < b", "jump_relu SAE at blocks.2.hook_resid_post",
        "- rtn:bits=4 | nf4: 2 * 3", "tau_null of J_null (m_eff), [>= 0.95]", "C:\\models"}) {
    CAPTURE(own);
    CHECK(line(own) == own);
  }
}

TEST_CASE("text_table: numbers as a reader expects them") {
  CHECK(fixed(1.005, 1) == "1.0");
  CHECK(fixed(std::nan(""), 3) == "-");
  CHECK(signed_fixed(0.25, 2) == "+0.25");
  CHECK(signed_fixed(-0.25, 2) == "-0.25");
  interval range;
  CHECK(range_text(range, 2) == "unmeasured");
  range.kind = interval_kind::two_sided;
  range.lower = 0.5;
  range.upper = 0.75;
  CHECK(range_text(range, 2) == "[0.50, 0.75]");
  CHECK(range_text(range, 0, 100.0) == "[50, 75]");
  range.kind = interval_kind::at_least;
  CHECK(range_text(range, 2) == "[>= 0.50]");
}

TEST_CASE("tables of an audit: a line for each condition") {
  model_audit audit = qfa_test::tiny_audit();
  audit.run(rtn{.bits = 8});
  audit.run(rtn{.bits = 4});
  const audit_result result = audit.result();
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  CHECK(lines(conditions_table(result)) == 4);
  CHECK(lines(predictions_table(result)) == 3);
  CHECK(predictions_note(result).empty() ==
        !(result.conditions[1].honest_auc.result || result.conditions[2].honest_auc.result));
  audit_result made_up;
  made_up.conditions.resize(1);
  CHECK(predictions_note(made_up).empty());
  made_up.conditions[0].honest_auc.features = 9;
  made_up.conditions[0].honest_auc.result.emplace().families = 7;
  made_up.conditions[0].honest_auc.result->predictor_reliability = {0.5, 0.25};
  CHECK(predictions_note(made_up) ==
        "folds keep 7 families of 9 features together; reliability of the predictors: rarity 0.500, log_mean 0.250 "
        "(intervals "
        "unmeasured)\n");
  CHECK(conditions_table(result).find("PPL") != std::string::npos);
  // A row's scale is a float: half a bit for rows of 64, an eighth for rows of 256.
  CHECK(conditions_table(result).find("bits") < conditions_table(result).find("PPL"));
  CHECK(conditions_table(result).find("32.00") != std::string::npos);
  CHECK(conditions_table(result).find("  " + fixed(*result.conditions[2].bits_per_weight, 2) + "  ") !=
        std::string::npos);
  // The same table in Markdown: a line more, and a bar around every cell.
  const std::string pasted = conditions_table(result, table_form::markdown);
  CHECK(lines(pasted) == 5);
  CHECK(pasted.starts_with("| policy | bits | PPL |"));
  audit_result silent = result;
  for (condition_result& c : silent.conditions)
    c.bits_per_weight.reset();
  CHECK(conditions_table(silent).find("bits ") == std::string::npos);
  silent.conditions[1].bits_per_weight = 8.5;
  CHECK(conditions_table(silent).find("8.50") != std::string::npos);
}

TEST_CASE("gate_note: what the bands bear, of which kind of SAE, what flips carry, and nothing of no policy") {
  qfa::audit_result a;
  a.conditions.resize(2);
  a.conditions[0].reference = true;
  a.activation = qfa::activation_kind::jump_relu;
  qfa::condition_result& c = a.conditions[1];
  c.policy = "rtn:bits=4";
  c.flip_share = qfa_test::made_estimate(0.25, 0.2, 0.31);
  const std::string note = qfa::gate_note(a);
  CHECK(note.find("19 %") != std::string::npos);
  CHECK(note.find("jump_relu SAE") != std::string::npos);
  CHECK(note.find("rtn:bits=4 25.0 % [20.0, 31.0]") != std::string::npos);
  c.by_honest.counted = {3};
  c.flip_share = {};
  CHECK(qfa::gate_note(a).find("rtn:bits=4 none, as nothing changed\n") != std::string::npos);
  c.by_honest.counted.clear();
  CHECK(qfa::gate_note(a).find("rtn:bits=4 unmeasured, as no feature is counted\n") != std::string::npos);
  a.conditions.resize(1);
  CHECK(qfa::gate_note(a).empty());
}

}  // namespace report_text_table_test

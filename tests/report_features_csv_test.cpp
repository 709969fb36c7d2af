// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/features_csv.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/report/feature_columns.hpp"

namespace report_features_csv_test {

using namespace qfa;

TEST_CASE("features.csv: the protocol in comment lines, then a line for each policy and feature") {
  model_audit audit = qfa_test::tiny_audit();
  audit.run(rtn{.bits = 4});
  std::ostringstream out;
  write_features_csv(audit.result(), out);
  std::istringstream lines(out.str());
  std::string line, head;
  std::size_t comments = 0, rows = 0;
  bool hook = false, tag = false;
  while (std::getline(lines, line)) {
    if (line.front() == '#') {
      ++comments;
      hook = hook || line == "# hook: \"blocks.1.hook_resid_post\"";
      tag = tag ||
            line.starts_with("# published: {\"tag\":\"protocol: arXiv 2606.03002\", \"warnings\":[\"the paper adds");
    } else if (head.empty()) {
      head = line;
    } else {
      ++rows;
      CHECK(std::count(line.begin(), line.end(), ',') == std::count(head.begin(), head.end(), ','));
    }
  }
  CHECK(hook);
  CHECK(tag);
  CHECK(comments > 20);
  CHECK(rows == 2 * 128);
  CHECK(
      head.starts_with("policy,feature,active,published_outcome,honest_outcome,census,r_lower,r_upper,r_interval,"
                       "dead,born,dead_rate_at_most,damage_class,"));
  CHECK(out.str().find(",unmeasured,") != std::string::npos);
  CHECK(out.str().find("nan") == std::string::npos);
  CHECK(head.find(",phi,") == std::string::npos);
}

TEST_CASE("features.csv: a paired audit has each feature's part in the shift, the reference none") {
  model_audit audit = qfa_test::tiny_audit({.paired = true});
  const condition_result& moved = audit.run(rtn{.bits = 4});
  std::ostringstream out, cell;
  csv_writer csv(cell);
  for (const double x : {moved.shift->phi[5], moved.shift->phi_ranges[5].lower, moved.shift->phi_ranges[5].upper,
                         moved.shift->energy_share[5]})
    csv.cell(x);
  csv.end_row();
  write_features_csv(audit.result(), out);
  CHECK(out.str().find(",phi,phi_lower,phi_upper,energy_share\r\n") != std::string::npos);
  CHECK(out.str().find("\nreference,5,") != std::string::npos);
  const auto line_of = [&](const std::string& start) {
    const std::size_t at = out.str().find("\n" + start) + 1;
    return out.str().substr(at, out.str().find('\n', at) + 1 - at);
  };
  CHECK(line_of("rtn:bits=4,5,").ends_with("," + cell.str()));
  CHECK(line_of("reference,5,").ends_with("0,,,,,\r\n"));
}

TEST_CASE("features.csv: pages read back what was written, feature by feature") {
  model_audit audit = qfa_test::tiny_audit({.paired = true});
  audit.run(rtn{.bits = 4});
  const audit_result result = audit.result();
  std::ostringstream out;
  write_features_csv(result, out);
  const feature_columns table = read_feature_columns(out.str(), "features.csv");
  REQUIRE(table.conditions.size() == 2);
  CHECK(table.features == 128);
  for (const page_column& column : reference_columns)
    CHECK(table.conditions[0].find(column.name) != nullptr);
  for (const page_column& column : condition_columns)  // all but what needs more than a paired audit
    CHECK(
        (table.conditions[1].find(column.name) != nullptr) ==
        !(column.name.starts_with("token_") || column.name == "moved_to" || column.name.starts_with("effective_bits")));
  const condition_result& c = result.conditions[1];
  const feature_column& r = *table.conditions[1].find("r");
  const feature_column& band = *table.conditions[1].find("honest_outcome");
  const feature_column& how = *table.conditions[1].find("damage_class");
  for (std::size_t f = 0; f < 128; ++f) {
    CHECK((std::isnan(c.features[f].r) ? std::isnan(r.cells[f]) : r.cells[f] == c.features[f].r));
    if (c.by_honest.active[f] != 0)
      CHECK(band.words[static_cast<std::size_t>(band.cells[f])] == name(c.by_honest.outcomes[f]));
    if (c.by_honest.outcomes[f] == outcome::unmeasured)
      CHECK(std::isnan(how.cells[f]));
    else
      CHECK(how.words[static_cast<std::size_t>(how.cells[f])] == name(classify(c.features[f])));
  }
}

TEST_CASE("features.csv: a dead feature has the bound that its tokens set on its rate, others none") {
  audit_result a;
  condition_result& c = a.conditions.emplace_back();
  c.policy = "p";
  c.features.resize(2);
  c.features[0].dead = true;
  for (feature_summary& f : c.features)
    f.tokens = 3000.0;
  c.by_honest.active = {1, 1};
  c.by_honest.outcomes = c.by_published.outcomes = {outcome::unmeasured, outcome::unmeasured};
  c.by_honest.correlations.ranges.resize(2);
  std::ostringstream out;
  write_features_csv(a, out);
  const std::string text = out.str();
  std::istringstream lines(text.substr(text.find("\npolicy,") + 1));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');)
      rows.back().push_back(cell);
  }
  REQUIRE(rows.size() == 3);
  const auto at = static_cast<std::size_t>(std::ranges::find(rows[0], "dead_rate_at_most") - rows[0].begin());
  CHECK(std::stod(rows[1][at]) == doctest::Approx(1.0 - std::pow(0.05, 1.0 / 3000.0)).epsilon(1e-12));
  CHECK(std::stod(rows[1][at]) == doctest::Approx(3.0 / 3000.0).epsilon(0.01));  // the rule of three
  CHECK(rows[2][at].empty());
}

TEST_CASE("features.csv: a spreadsheet that cuts the protocol at its commas finds no quote that stays open") {
  const report_json value{{"a", "x,\"y\""}, {"b", {"1", "z\""}}};
  const std::string text = detail::comment_text(value);
  CHECK(text == R"({"a":"x,\"y\"", "b":["1", "z\""]})");
  CHECK(report_json::parse(text) == value);
  // A string that ends with a comma, one with a backslash before its end, and what would be formulas behind commas.
  const report_json worse{"x,", "y\\", "a,=1+1", "b,@c,+d,-e", "f, =g", -1, {{"h,=", 2}}};
  CHECK(detail::comment_text(worse) ==
        R"(["x\u002c", "y\\", "a\u002c=1+1", "b\u002c@c\u002c+d\u002c-e", "f, =g",-1,{"h\u002c=":2}])");
  CHECK(report_json::parse(detail::comment_text(worse)) == worse);
}

}  // namespace report_features_csv_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/features_csv.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "audit_made_up.hpp"
#include "qfa/compress/rtn.hpp"

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
  bool hook = false;
  while (std::getline(lines, line)) {
    if (line.front() == '#') {
      ++comments;
      hook = hook || line == "# hook: \"blocks.1.hook_resid_post\"";
    } else if (head.empty()) {
      head = line;
    } else {
      ++rows;
      CHECK(std::count(line.begin(), line.end(), ',') == std::count(head.begin(), head.end(), ','));
    }
  }
  CHECK(hook);
  CHECK(comments > 20);
  CHECK(rows == 2 * 128);
  CHECK(head.starts_with("policy,feature,active,published_outcome,honest_outcome,census,r_lower,r_upper,r_interval,"
                         "dead,born,"));
  CHECK(out.str().find(",unmeasured,") != std::string::npos);
  CHECK(out.str().find("nan") == std::string::npos);
}

}  // namespace report_features_csv_test

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_COMPARISON_PAGE_HPP
#define QFA_REPORT_COMPARISON_PAGE_HPP

#include <algorithm>
#include <array>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "qfa/report/audit_comparison.hpp"
#include "qfa/report/audit_page.hpp"
#include "qfa/report/html_comparison.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa {

inline report_json to_json(const paired_difference& d) {
  return {{"a", d.a},
          {"b", d.b},
          {"protocol", d.protocol},
          {"survived", to_json(d.survived)},
          {"mean_r", to_json(d.mean_r)},
          {"features", d.features},
          {"spearman_r", to_json(d.spearman_r)}};
}

/// Writes one file that shows two audits side by side, feature by feature as well, and fetches nothing.  Their
/// differences stand in it where they are paired.  Throws as `require_same_sae` does.
inline void write_comparison_page(const audit_folder& a, const audit_folder& b, std::ostream& to) {
  require_same_sae(a, b);
  const auto side = [](const audit_folder& one) -> report_json {
    return {{"name", one.path.string()}, {"report", one.report}, {"features", packed(one.features)}};
  };
  const std::string unpaired = why_not_paired(a, b);
  report_json data{{"kind", "comparison"}, {"a", side(a)}, {"b", side(b)}, {"why_not_paired", unpaired}};
  data["differences"] = report_json::array();
  if (unpaired.empty())
    for (const paired_difference& d : paired_differences(a, b))
      data["differences"].push_back(to_json(d));
  std::array<std::string_view, audit_script.size() + 2> script{};
  std::ranges::copy(audit_script, script.begin());
  script[audit_script.size()] = html_comparison;
  script.back() = "showComparison();\n";
  write_html_page("qfa compare: " + a.path.string() + " and " + b.path.string(), data, script, to);
}

}  // namespace qfa

#endif

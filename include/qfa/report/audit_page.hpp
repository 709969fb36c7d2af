// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_AUDIT_PAGE_HPP
#define QFA_REPORT_AUDIT_PAGE_HPP

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/report/feature_columns.hpp"
#include "qfa/report/html_accounts.hpp"
#include "qfa/report/html_basics.hpp"
#include "qfa/report/html_charts.hpp"
#include "qfa/report/html_controls.hpp"
#include "qfa/report/html_feature_table.hpp"
#include "qfa/report/html_features.hpp"
#include "qfa/report/html_heading.hpp"
#include "qfa/report/html_overlap.hpp"
#include "qfa/report/html_page.hpp"
#include "qfa/report/html_protocol.hpp"
#include "qfa/report/html_steering.hpp"
#include "qfa/report/html_survival.hpp"
#include "qfa/report/html_tensors.hpp"
#include "qfa/report/packed_columns.hpp"

namespace qfa {

/// The parts of the script that draw audits, in their order; the last line of a page says which of its views to draw.
inline constexpr std::array<std::string_view, 12> audit_script{
    html_basics,   html_charts,  html_heading,  html_survival, html_features,      html_overlap,
    html_controls, html_tensors, html_accounts, html_steering, html_feature_table, html_protocol};

/// A string of a report under one of its objects, or `otherwise` where it is missing: a page is drawn of what is there.
inline std::string text_of_report(const report_json& report, const char* object, const char* key,
                                  const std::string& otherwise) {
  if (!report.is_object() || !report.contains(object) || !report[object].is_object()) return otherwise;
  const auto found = report[object].find(key);
  return found != report[object].end() && found->is_string() && !found->get<std::string>().empty()
             ? found->get<std::string>()
             : otherwise;
}

/// Writes report.html of an audit: one file that shows report.json and the columns of features.csv that
/// `feature_columns` names, and fetches nothing.  From the same two the same bytes come.
///
/// `report` is to_json of an audit, or what its file holds; `features` the text of its features.csv, which `where`
/// names.  Throws where that is no such table.
inline void write_audit_page(const report_json& report, std::string_view features, const std::string& where,
                             std::ostream& to) {
  report_json data{{"kind", "audit"}, {"report", report}};
  feature_columns table = read_feature_columns(features, where);
  // Rungs that nobody asked to see stand in no table.
  if (report.is_object() && report.contains("conditions"))
    for (const report_json& c : report["conditions"])
      if (c.value("ladder_only", false))
        std::erase_if(table.conditions, [&](const condition_features& f) { return f.policy == c.value("policy", ""); });
  data["features"] = packed(table);
  std::array<std::string_view, audit_script.size() + 1> script{};
  std::ranges::copy(audit_script, script.begin());
  script.back() = "showAudit();\n";
  write_html_page("qfa audit: " + text_of_report(report, "protocol", "architecture", "dumped activations") + ", " +
                      text_of_report(report, "protocol", "hook", "unknown hook"),
                  data, script, to);
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_COMPARISON_TEXT_HPP
#define QFA_REPORT_COMPARISON_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/report/audit_comparison.hpp"
#include "qfa/report/published_notes.hpp"
#include "qfa/report/read_estimates.hpp"
#include "qfa/report/read_heading.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

/// What an interval allows to be said of a difference B less A of shares measured above .9.
inline std::string_view difference_word(const estimate& more) {
  if (more.range.kind != interval_kind::two_sided) return "unmeasured";
  if (more.range.lower > 0.0) return "more r > .9 in B";
  return more.range.upper < 0.0 ? "more r > .9 in A" : "not told apart";
}

namespace detail {

/// The bands' counts, as s/b/d.
inline std::string counts_text(const report_json& survival) {
  std::string out;
  for (const char* band : {"survived", "blurred", "destroyed"})
    out += (out.empty() ? "" : "/") + fixed(number_of(survival.at(band), "count"), 0);
  return out;
}

inline void add_conditions(text_table& table, const std::string& side, const audit_folder& audit,
                           const std::string& protocol) {
  for (const report_json& c : audit.report["conditions"]) {
    if (!is_shown(c)) continue;
    const report_json& s = c.at(protocol);
    const bool with_loss = c.contains("loss");
    const estimate ratio = with_loss ? estimate_of(c["loss"].at("perplexity_ratio")) : estimate{},
                   survived = estimate_of(s.at("survived"));
    interval change = ratio.range;
    change.lower = 100.0 * (change.lower - 1.0);
    change.upper = 100.0 * (change.upper - 1.0);
    table.add({side + "  " + c.at("policy").get<std::string>(),
               fixed(c.contains("bits_per_weight") ? number_of(c["bits_per_weight"], "value")
                                                   : std::numeric_limits<double>::quiet_NaN(),
                     2),
               signed_fixed(100.0 * (ratio.value - 1.0), 2), with_loss ? range_text(change, 2) : "-",
               fixed(estimate_of(s.at("mean_r")).value, 4), fixed(100.0 * survived.value, 1),
               range_text(survived.range, 1, 100.0), counts_text(s), fixed(number_of(c.at("sae_fit"), "fvu"), 4)});
  }
}

/// The intervals of the numbers that stand in that table without one.
inline void add_intervals(text_table& table, const std::string& side, const audit_folder& audit,
                          const std::string& protocol) {
  for (const report_json& c : audit.report["conditions"]) {
    if (!is_shown(c)) continue;
    const report_json& s = c.at(protocol);
    table.add({side + "  " + c.at("policy").get<std::string>(), range_text(interval_of(s.at("mean_r")), 4),
               range_text(interval_of(s.at("blurred")), 1, 100.0), range_text(interval_of(s.at("destroyed")), 1, 100.0),
               range_text(interval_of(c.at("sae_fit").at("fvu_interval")), 4)});
  }
}

/// What an audit's numbers rest on, and what it warns of, in lines that are indented by two.
inline std::string side_text(const std::string& side, const audit_folder& audit, const std::string& protocol) {
  std::string out = side + " is " + audit.path.string() + "\n", lines;
  lines = heading_text(heading_facts_of(audit.report, protocol));
  const report_json& made = audit.report.at("protocol");
  if (made.contains("warnings"))
    for (const report_json& warning : made["warnings"])
      lines += "warning: " + warning.get<std::string>() + "\n";
  if (protocol == "published") {
    if (made.contains("published"))
      lines += published_notes_text(made["published"].at("warnings").get<std::vector<std::string>>());
    else
      lines += std::string(published_tag) +
               "; the report does not say what its numbers hang on: audit again with this "
               "version of qfa\n";
  }
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n') + 1;
    out += "  " + lines.substr(0, end);
    lines.erase(0, end);
  }
  return out;
}

}  // namespace detail

/// Two audits side by side: of each what it is of, a line for each condition of A, then of B, under a protocol
/// ("honest" or "published"); and their differences with intervals, of conditions of one name, or of all where no name
/// is in both.  Where the audits are not paired, the sentence that says why there are none.  Published numbers carry
/// their tag, what the paper does and what either audit did.  Throws as `require_same_sae` does, and nlohmann's
/// exceptions where a report lacks any of it.
inline std::string comparison_text(const audit_folder& a, const audit_folder& b, const std::string& protocol,
                                   table_form form = table_form::columns) {
  require_same_sae(a, b);
  const auto& sae = a.report["sae"];
  const auto sentences = [&](const std::string& text) {
    return form == table_form::markdown ? markdown_text(text) : text;
  };
  std::string out = sentences(detail::side_text("A", a, protocol) + detail::side_text("B", b, protocol) +
                              (protocol == "published" ? std::string(published_tag) : "protocol " + protocol) +
                              ", both through the same " + sae.value("activation", "unknown") + " SAE of " +
                              fixed(number_of(sae, "d_sae"), 0) + " features\n") +
                    "\n";
  text_table table({"policy", "bits", "dPPL %", "95 %", "mean r", "survived %", "95 %", "s/b/d", "FVU"});
  detail::add_conditions(table, "A", a, protocol);
  detail::add_conditions(table, "B", b, protocol);
  out += table.str(form) + "\n";
  text_table intervals({"95 % of", "mean r", "blurred %", "destroyed %", "FVU"});
  detail::add_intervals(intervals, "A", a, protocol);
  detail::add_intervals(intervals, "B", b, protocol);
  out += intervals.str(form) + "\n";
  if (const std::string reason = why_not_paired(a, b); !reason.empty())
    return out +
           sentences("no differences: " + reason +
                     ", and an interval of a difference needs both to have left out the same rows of one model\n");
  const std::vector<std::string> of_a = compared_policies(a), of_b = compared_policies(b);
  const bool common = std::ranges::find_first_of(of_a, of_b) != of_a.end();
  const auto wanted = [&](const std::string& rules, const std::string& policy_a, const std::string& policy_b) {
    return rules == protocol && (!common || policy_a == policy_b);
  };
  text_table differences({"B less A", "survived, points", "95 %", "told apart?", "mean r", "95 %", "counted in both",
                          "Spearman r", "without noise", "95 %"});
  std::vector<std::string_view> reasons;
  for (const paired_difference& d : paired_differences(a, b, wanted)) {
    differences.add({d.a == d.b ? d.a : d.b + " less " + d.a, signed_fixed(100.0 * d.survived.value, 2),
                     range_text(d.survived.range, 2, 100.0), std::string(difference_word(d.survived)),
                     signed_fixed(d.mean_r.value, 4), range_text(d.mean_r.range, 4), std::to_string(d.features),
                     fixed(d.spearman_r.value, 3), fixed(d.spearman_r.bias_corrected, 3),
                     range_text(d.spearman_r.range, 3)});
    const std::string_view reason = d.spearman_r.range.reason;
    if (d.spearman_r.range.kind == interval_kind::refused && std::ranges::find(reasons, reason) == reasons.end())
      reasons.push_back(reason);
  }
  std::string notes = "both audits left out the same rows: differences are paired by rows\n";
  for (const std::string_view reason : reasons)
    notes += "Spearman of r without an interval: " + std::string(reason) + "\n";
  return out + differences.str(form) + (form == table_form::markdown ? "\n" : "") + sentences(notes);
}

}  // namespace qfa

#endif

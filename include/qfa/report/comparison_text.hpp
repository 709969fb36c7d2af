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
#include "qfa/report/text_table.hpp"

namespace qfa {

/// A number of a report: NaN where it is null or missing.
inline double number_of(const report_json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_number() ? found->get<double>()
                                                                           : std::numeric_limits<double>::quiet_NaN();
}

/// An estimate as a report has it, without the reason why it may have no interval.
inline estimate estimate_of(const report_json& value) {
  estimate e;
  e.value = number_of(value, "value");
  e.bias_corrected = number_of(value, "bias_corrected");
  if (!value.is_object() || !value.contains("interval") || !value["interval"].is_object()) return e;
  const report_json& range = value["interval"];
  e.range.lower = number_of(range, "lower");
  e.range.upper = number_of(range, "upper");
  const auto kind = std::ranges::find(interval_kind_names, range.value("kind", ""));
  if (kind != interval_kind_names.end()) e.range.kind = static_cast<interval_kind>(kind - interval_kind_names.begin());
  return e;
}

/// What an interval allows to be said of a difference B less A of shares measured above .9.
inline std::string_view difference_word(const estimate& more) {
  if (more.range.kind != interval_kind::two_sided) return "unmeasured";
  if (more.range.lower > 0.0) return "more r > .9 in B";
  return more.range.upper < 0.0 ? "more r > .9 in A" : "not told apart";
}

namespace detail {

inline bool is_shown(const report_json& c) { return !c.value("reference", false) && !c.value("ladder_only", false); }

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

}  // namespace detail

/// Two audits side by side, a line for each condition of A, then of B, under a protocol ("honest" or "published"); and
/// their differences with intervals, of conditions of one name, or of all where no name is in both.  Where the audits
/// are not paired, the sentence that says why there are none.  Published numbers carry their tag and what the protocol
/// does.  Throws as `require_same_sae` does.
inline std::string comparison_text(const audit_folder& a, const audit_folder& b, const std::string& protocol,
                                   table_form form = table_form::columns) {
  require_same_sae(a, b);
  const auto& sae = a.report["sae"];
  const bool as_published = protocol == "published";
  std::string out = "A is " + a.path.string() + "\nB is " + b.path.string() + "\nprotocol" +
                    (as_published ? ": arXiv 2606.03002" : " " + protocol) + ", both through the same " +
                    sae.value("activation", "unknown") + " SAE of " + fixed(number_of(sae, "d_sae"), 0) + " features\n";
  if (as_published)
    out +=
        "warning: as that paper does, there is no BOS, head scales are shared, predictors are of rank 3, Jaccard is at "
        "its ceiling, tokens are taken as independent, and a ladder depends on the gate\n";
  out += "\n";
  text_table table({"policy", "bits", "dPPL %", "95 %", "mean r", "survived %", "95 %", "s/b/d", "FVU"});
  detail::add_conditions(table, "A", a, protocol);
  detail::add_conditions(table, "B", b, protocol);
  out += table.str(form) + "\n";
  if (const std::string reason = why_not_paired(a, b); !reason.empty())
    return out + "no differences: " + reason +
           ", and an interval of a difference needs both to have left out the same rows of one model\n";
  std::vector<paired_difference> all = paired_differences(a, b);
  std::erase_if(all, [&](const paired_difference& d) { return d.protocol != protocol; });
  if (std::ranges::any_of(all, [](const auto& d) { return d.a == d.b; }))
    std::erase_if(all, [](const paired_difference& d) { return d.a != d.b; });
  text_table differences({"B less A", "survived, points", "95 %", "told apart?", "mean r", "95 %", "counted in both",
                          "Spearman r, interval unmeasured"});
  for (const paired_difference& d : all)
    differences.add({d.a == d.b ? d.a : d.b + " less " + d.a, signed_fixed(100.0 * d.survived.value, 2),
                     range_text(d.survived.range, 2, 100.0), std::string(difference_word(d.survived)),
                     signed_fixed(d.mean_r.value, 4), range_text(d.mean_r.range, 4), std::to_string(d.features),
                     fixed(d.spearman_r, 3)});
  return out + differences.str(form) + "both audits left out the same rows: differences are paired by rows\n";
}

}  // namespace qfa

#endif

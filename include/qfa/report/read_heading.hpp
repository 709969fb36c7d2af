// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_READ_HEADING_HPP
#define QFA_REPORT_READ_HEADING_HPP

#include <cstddef>
#include <string>

#include "qfa/report/heading_text.hpp"
#include "qfa/report/read_estimates.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa {

/// What a report of an audit is of, under one of its protocols ("honest" or "published"): what `heading_facts_of` says
/// of the audit itself.  Throws nlohmann's exceptions where the report lacks any of it.
inline heading_facts heading_facts_of(const report_json& report, const std::string& protocol) {
  const report_json &made = report.at("protocol"), &conditions = report.at("conditions");
  const auto text = [&](const char* key) {
    const report_json& value = made.at(key);
    return value.is_null() ? std::string() : value.get<std::string>();
  };
  heading_facts out{.with_conditions = !conditions.empty()};
  out.made.source = text("source");
  out.made.hook = text("hook");
  out.made.gate = text("gate");
  out.made.processing = text("processing");
  out.made.order = text("order");
  made.at("rows").get_to(out.made.rows);
  made.at("context").get_to(out.made.context);
  made.at("analyzed_tokens").get_to(out.made.analyzed_tokens);
  made.at("groups").get_to(out.made.groups);
  made.at("skip_positions").get_to(out.made.skip_positions);
  made.at("prepend_bos").get_to(out.made.prepend_bos);
  const report_json& sae = report.at("sae");
  out.kind = out.made.gate.empty() ? sae.at("activation").get<std::string>() : out.made.gate;
  sae.at("d_sae").get_to(out.d_sae);
  if (conditions.empty()) return out;
  const report_json &first = conditions.front(), &fit = first.at("sae_fit"), &survival = first.at(protocol);
  out.fit = {.fvu = number_of(fit, "fvu"),
             .l0 = number_of(fit, "l0"),
             .dead_share = number_of(fit, "dead_share"),
             .fvu_range = interval_of(fit.at("fvu_interval")),
             .l0_range = interval_of(fit.at("l0_interval"))};
  for (const report_json& c : conditions)
    if (!c.value("reference", false) && !c.value("ladder_only", false)) out.see_fvu(number_of(c.at("sae_fit"), "fvu"));
  survival.at("protocol").get_to(out.protocol);
  survival.at("active").get_to(out.active);
  survival.at("counted").get_to(out.counted);
  survival.at("unmeasured").get_to(out.unmeasured);
  const report_json& groups = survival.at("effective_groups");
  out.groups = {number_of(groups, "least"), number_of(groups, "median"), number_of(groups, "most")};
  return out;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_FEATURES_CSV_HPP
#define QFA_REPORT_FEATURES_CSV_HPP

#include <algorithm>
#include <limits>
#include <ostream>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/io/csv.hpp"
#include "qfa/report/audit_json.hpp"

namespace qfa {

/// One line for each policy and feature, under the protocol block in lines that begin with '#'.  A statistic without a
/// value is an empty cell.  Paired audits have the feature's share of the shift, phi, and of the energy of all changes
/// of codes.
inline void write_features_csv(const audit_result& a, std::ostream& to) {
  const report_json made = to_json(a.made);
  for (const auto& [key, value] : made.items())
    to << "# " << key << ": " << value.dump() << '\n';
  csv_writer csv(to);
  for (const char* head :
       {"policy", "feature", "active", "published_outcome", "honest_outcome", "r_lower", "r_upper", "dead", "born"})
    csv.cell(head);
  for (const summary_column& column : summary_columns)
    csv.cell(column.name);
  const bool paired = std::ranges::any_of(a.conditions, [](const condition_result& c) { return c.shift.has_value(); });
  if (paired)
    for (const char* head : {"phi", "phi_lower", "phi_upper", "energy_share"})
      csv.cell(head);
  csv.end_row();
  for (const condition_result& c : a.conditions)
    for (std::size_t f = 0; f < c.features.size(); ++f) {
      const bool active = c.by_honest.active[f] != 0;
      const interval& range = c.by_honest.correlations.ranges[f];
      csv.cell(c.policy);
      csv.cell(f);
      csv.cell(active);
      csv.cell(active ? name(c.by_published.outcomes[f]) : "");
      csv.cell(active ? name(c.by_honest.outcomes[f]) : "");
      csv.cell(range.lower);
      csv.cell(range.upper);
      csv.cell(c.features[f].dead);
      csv.cell(c.features[f].born);
      for (const summary_column& column : summary_columns)
        csv.cell(c.features[f].*column.value);
      if (paired) {
        constexpr double none = std::numeric_limits<double>::quiet_NaN();
        csv.cell(c.shift ? c.shift->phi[f] : none);
        csv.cell(c.shift ? c.shift->phi_ranges[f].lower : none);
        csv.cell(c.shift ? c.shift->phi_ranges[f].upper : none);
        csv.cell(c.shift ? c.shift->energy_share[f] : none);
      }
      csv.end_row();
    }
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_FEATURES_CSV_HPP
#define QFA_REPORT_FEATURES_CSV_HPP

#include <algorithm>
#include <ostream>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/io/csv.hpp"
#include "qfa/report/audit_json.hpp"

namespace qfa {

namespace detail {

/// The cells of a feature's meaning: empty on the reference.
inline void write_meaning(csv_writer& csv, const condition_result& c, std::size_t feature) {
  if (!c.meaning) {
    for (std::size_t i = 0; i < 10; ++i)
      csv.cell("");
    return;
  }
  const feature_meaning& m = c.meaning->features[feature];
  for (const double number :
       {m.overlap, m.rank_overlap, m.divergence, m.control, m.previous_divergence, m.previous_control, m.moved})
    csv.cell(number);
  csv.cell(m.moved_to ? std::to_string(*m.moved_to) : "");
  csv.cell(std::size_t{m.family});
  csv.cell(m.family_r);
}

}  // namespace detail

/// One line for each policy and feature, under the protocol block in lines that begin with '#'.  A statistic without a
/// value is an empty cell.
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
  const bool with_meanings = std::ranges::any_of(a.conditions, [](const auto& c) { return c.meaning.has_value(); });
  if (with_meanings)
    for (const char* head : {"context_overlap", "context_rank_overlap", "token_divergence", "token_divergence_control",
                             "previous_token_divergence", "previous_token_divergence_control", "moved_share",
                             "moved_to", "family", "family_r"})
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
      if (with_meanings) detail::write_meaning(csv, c, f);
      csv.end_row();
    }
}

}  // namespace qfa

#endif

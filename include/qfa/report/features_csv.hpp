// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_FEATURES_CSV_HPP
#define QFA_REPORT_FEATURES_CSV_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/io/csv.hpp"
#include "qfa/report/audit_json.hpp"
#include "qfa/report/damage_classes.hpp"
#include "qfa/survival/confirmed.hpp"

namespace qfa {

namespace detail {

/// JSON for a line that a spreadsheet cuts at its commas: no piece may begin with a quote, which could hold the lines
/// that follow, nor be a formula.  The value stays what it is: between values a blank stands before a quote, and within
/// a string a comma before its end, or before what begins a formula, is escaped.
inline std::string comment_text(const report_json& value) {
  const std::string text = json_text(value, -1);
  std::string out;
  bool inside = false;  // a string
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view next = std::string_view(text).substr(i + 1, 1);
    if (text[i] == '"') inside = !inside;
    if (text[i] == ',' && inside && (next == "\"" || is_formula(next)))
      out += "\\u002c";
    else
      out += text[i];
    if (text[i] == ',' && !inside && next == "\"") out += ' ';
    if (text[i] == '\\') out += text[++i];  // whatever it is, it ends no string
  }
  return out;
}

/// The cells of a feature's part in the shift: empty on the reference.
inline void write_shift(csv_writer& csv, const condition_result& c, std::size_t feature) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  csv.cell(c.shift ? c.shift->phi[feature] : none);
  csv.cell(c.shift ? c.shift->phi_ranges[feature].lower : none);
  csv.cell(c.shift ? c.shift->phi_ranges[feature].upper : none);
  csv.cell(c.shift ? c.shift->energy_share[feature] : none);
}

/// What is proven of each feature at the limit of survival; empty for those without a verdict in the honest census.
inline std::vector<std::string_view> census_verdicts(const condition_result& c) {
  std::vector<std::string_view> names(c.features.size());
  const std::vector<census_verdict> verdicts = confirm(c.by_honest, c.by_honest.rules.bands.survives_above);
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    names[c.by_honest.counted[i]] = census_verdict_names[static_cast<std::size_t>(verdicts[i])];
  return names;
}

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

inline constexpr std::array ladder_columns{"ladder",
                                           "law_c",
                                           "law_a",
                                           "bits_to_break",
                                           "bits_to_break_censored",
                                           "bits_to_destroy",
                                           "bits_to_destroy_censored",
                                           "effective_bits",
                                           "effective_bits_censored",
                                           "effective_bits_lower",
                                           "effective_bits_upper"};

/// The cells of `ladder_columns` for one feature under one condition.
inline void write_ladder_cells(const audited_ladder& ladder, const condition_result& c, std::size_t feature,
                               csv_writer& csv) {
  const ladder_survey& s = ladder.survey;
  const auto place_in = [&](const std::vector<std::uint32_t>& list) {
    const auto at = std::ranges::lower_bound(list, feature);
    return at != list.end() && *at == feature ? static_cast<std::size_t>(at - list.begin()) : list.size();
  };
  const std::size_t counted = place_in(s.counted), fitted = place_in(s.features);
  csv.cell(counted < s.counted.size() ? law_verdict_names[static_cast<std::size_t>(s.verdicts[counted])] : "");
  if (fitted == s.features.size()) {
    for (std::size_t i = 1; i < ladder_columns.size(); ++i)
      csv.cell("");
    return;
  }
  csv.cell(s.scales[fitted].law.c);
  csv.cell(s.scales[fitted].law.a);
  const auto bits = [&](const worth_in_bits* w) {
    if (w == nullptr) {
      csv.cell("");
      csv.cell("");
      return;
    }
    const censoring side = censor(s.range, w->bits[fitted]);
    csv.cell(s.range.clamp(w->bits[fitted]));
    csv.cell(side == censoring::none ? "" : censoring_names[static_cast<std::size_t>(side)]);
  };
  bits(&s.breaks);
  bits(&s.destroys);
  bits(c.effective ? &*c.effective : nullptr);
  csv.cell(c.effective ? c.effective->ranges[fitted].lower : std::numeric_limits<double>::quiet_NaN());
  csv.cell(c.effective ? c.effective->ranges[fitted].upper : std::numeric_limits<double>::quiet_NaN());
}

}  // namespace detail

/// One line for each policy and feature, under the protocol block in lines that begin with '#'.  A statistic without a
/// value is an empty cell; so are census and damage class of a feature that the honest protocol does not count.  A dead
/// feature has a bound on the rate at which it still fires, at 95 %: 1 - .05^(1/n), the rule of three, n the tokens.
///
/// Paired audits have the feature's share of the shift, phi, and of the energy of all changes of codes.  Where the
/// audit has a ladder, further columns give each feature's law, the bits it needs and the policy's effective bits; a
/// number that is censored stands at the end of the ladder, and the column behind it says on which side; so does an end
/// of the interval of effective bits that lies beyond the ladder.
inline void write_features_csv(const audit_result& a, std::ostream& to) {
  const report_json made = protocol_json(a);
  for (const auto& [key, value] : made.items())
    to << "# " << key << ": " << detail::comment_text(value) << '\n';
  csv_writer csv(to);
  for (const char* head : {"policy", "feature", "active", "published_outcome", "honest_outcome", "census", "r_lower",
                           "r_upper", "r_interval", "dead", "born", "dead_rate_at_most", "damage_class"})
    csv.cell(head);
  for (const summary_column& column : summary_columns)
    csv.cell(column.name);
  const bool paired = std::ranges::any_of(a.conditions, [](const condition_result& c) { return c.shift.has_value(); });
  if (paired)
    for (const char* head : {"phi", "phi_lower", "phi_upper", "energy_share"})
      csv.cell(head);
  const bool with_meanings = std::ranges::any_of(a.conditions, [](const auto& c) { return c.meaning.has_value(); });
  if (with_meanings)
    for (const char* head : {"context_overlap", "context_rank_overlap", "token_divergence", "token_divergence_control",
                             "previous_token_divergence", "previous_token_divergence_control", "moved_share",
                             "moved_to", "family", "family_r"})
      csv.cell(head);
  if (a.ladder)
    for (const char* head : detail::ladder_columns)
      csv.cell(head);
  csv.end_row();
  for (const condition_result& c : a.conditions) {
    const std::vector<std::string_view> verdicts = detail::census_verdicts(c), classes = damage_classes_of(c);
    for (std::size_t f = 0; f < c.features.size(); ++f) {
      const bool active = c.by_honest.active[f] != 0;
      const interval& range = c.by_honest.correlations.ranges[f];
      csv.cell(c.policy);
      csv.cell(f);
      csv.cell(active);
      csv.cell(active ? name(c.by_published.outcomes[f]) : "");
      csv.cell(active ? name(c.by_honest.outcomes[f]) : "");
      csv.cell(verdicts[f]);
      csv.cell(range.lower);
      csv.cell(range.upper);
      csv.cell(range.kind == interval_kind::refused ? "unmeasured"
                                                    : interval_kind_names[static_cast<std::size_t>(range.kind)]);
      csv.cell(c.features[f].dead);
      csv.cell(c.features[f].born);
      csv.cell(c.features[f].dead ? unseen_rate_bound(c.features[f].tokens) : std::numeric_limits<double>::quiet_NaN());
      csv.cell(classes[f]);
      for (const summary_column& column : summary_columns)
        csv.cell(c.features[f].*column.value);
      if (paired) detail::write_shift(csv, c, f);
      if (with_meanings) detail::write_meaning(csv, c, f);
      if (a.ladder) detail::write_ladder_cells(*a.ladder, c, f, csv);
      csv.end_row();
    }
  }
}

}  // namespace qfa

#endif

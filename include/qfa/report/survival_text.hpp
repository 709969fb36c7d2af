// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_SURVIVAL_TEXT_HPP
#define QFA_REPORT_SURVIVAL_TEXT_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/report/damage_classes.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/survival/confirmed.hpp"

namespace qfa {

/// What is proven of each condition's features at the limit of survival, a line for each: of the confirmed of either
/// kind an expected share of 5 % at most is wrong.  Behind it how the counted ones were hurt, by damage class.  By the
/// honest protocol, whatever the headline is: the published one has no intervals to prove anything with.
inline std::string census_table(const audit_result& a, table_form form = table_form::columns) {
  constexpr double rate = 0.05;
  std::vector<std::string> heads{"at a false discovery rate of " + fixed(100.0 * rate, 0) + " %" +
                                 std::string(beside_published(a))};
  heads.insert(heads.end(), {"confirmed survived", "confirmed not", "undecided", "unmeasured"});
  constexpr std::array shown{damage_class::dead,       damage_class::gated_off, damage_class::ghosting,
                             damage_class::attenuated, damage_class::amplified, damage_class::blurred,
                             damage_class::intact};
  for (const damage_class kind : shown) {
    std::string head(name(kind));
    std::ranges::replace(head, '_', ' ');
    heads.push_back(std::move(head));
  }
  text_table table(std::move(heads));
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only) continue;
    std::array<std::size_t, census_verdict_names.size()> verdicts{};
    for (const census_verdict v : confirm(c.by_honest, c.by_honest.rules.bands.survives_above, rate))
      ++verdicts[static_cast<std::size_t>(v)];
    std::vector<std::string> row{c.policy};
    for (const std::size_t count : verdicts)
      row.push_back(std::to_string(count));
    row.push_back(std::to_string(c.by_honest.bands[outcome::unmeasured]));
    const auto classes = count_damage_classes(c);
    for (const damage_class kind : shown)
      row.push_back(std::to_string(classes[static_cast<std::size_t>(kind)]));
    table.add(std::move(row));
  }
  return table.str(form);
}

/// The shares of the bands, a line for each condition, each with its interval and beside it the share less its bias:
/// noise carries more features across a threshold one way than the other, by what stands near it.
inline std::string bands_table(const audit_result& a, table_form form = table_form::columns) {
  std::vector<std::string> heads{"% of counted features"};
  for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed})
    heads.insert(heads.end(), {std::string(name(o)), "less bias", "95 %"});
  text_table table(std::move(heads));
  for (const condition_result& c : a.conditions) {
    if (c.ladder_only) continue;
    std::vector<std::string> row{c.policy};
    for (const outcome o : {outcome::survived, outcome::blurred, outcome::destroyed}) {
      const estimate& share = c.by(a.headline).share(o);
      row.insert(row.end(), {fixed(percent(share.value), 1), fixed(percent(share.bias_corrected), 1),
                             range_text(share.range, 1, 100.0)});
    }
    table.add(std::move(row));
  }
  return table.str(form);
}

/// The 95 % intervals of what stands in `conditions_table` without one and is no share of a band, column by column.
inline std::string intervals_table(const audit_result& a, table_form form = table_form::columns) {
  const bool with_loss = !a.conditions.empty() && a.conditions.front().loss.has_value();
  std::vector<std::string> heads{"95 % of"};
  if (with_loss) heads.insert(heads.end(), {"PPL", "KL"});
  heads.insert(heads.end(), {"mean r", "median r", "FVU", "L0 itself", "L0"});
  text_table table(std::move(heads));
  for (const condition_result& c : a.conditions) {
    if (c.ladder_only) continue;
    const survey& s = c.by(a.headline);
    std::vector<std::string> row{c.policy};
    if (c.loss) {
      row.push_back(range_text(c.loss->mean_perplexity.range, 3));
      row.push_back(c.reference ? "" : range_text(c.loss->kl.range, 4));
    }
    row.push_back(range_text(s.mean_r.range, 4));
    row.push_back(range_text(s.median_r.range, 4));
    row.push_back(range_text(c.fit.fvu_range, 4));
    row.push_back(fixed(c.fit.l0, 2));
    row.push_back(range_text(c.fit.l0_range, 2));
    table.add(std::move(row));
  }
  return table.str(form);
}

/// Survival of what features do rather than of features, a line for each condition: of their activation, of what
/// changed and of what they add to logits, how much is in features of r above 0.9.
inline std::string weights_table(const audit_result& a, table_form form = table_form::columns) {
  text_table table(
      {"r > .9, in % of", "features", "95 %", "mass", "95 %", "shift energy", "95 %", "direct logits", "95 %"});
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only) continue;
    const survey& s = c.by(a.headline);
    std::vector<std::string> row{c.policy};
    const auto add = [&](const estimate& e) {
      row.push_back(fixed(percent(e.value), 1));
      row.push_back(range_text(e.range, 1, 100.0));
    };
    add(s.share(outcome::survived));
    add(s.mass);
    add(s.shift_energy.share);
    add(s.logits ? s.logits->share : estimate{});
    table.add(std::move(row));
  }
  return table.str(form);
}

}  // namespace qfa

#endif

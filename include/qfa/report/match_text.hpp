// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_MATCH_TEXT_HPP
#define QFA_REPORT_MATCH_TEXT_HPP

#include <cmath>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

inline std::string equal_loss_text(const equal_loss_damage& d, const std::string& policy) {
  const std::string at = "  at the very loss that " + policy + " has on the reported rows";
  if (!d.reason.empty()) return at + ": unmeasured, " + d.reason + "\n";
  const auto ranged = [](const std::string& value, const estimate& e, int decimals, double unit) {
    return with_range(value, e.range, decimals, unit);
  };
  return at + ", a sparsity of " + fixed(d.sparsity, 4) + (d.extrapolated() ? " beyond both" : " between the two") +
         " (the other is " + d.across + "), pruning leaves " +
         ranged(fixed(100.0 * d.survived.value, 1), d.survived, 1, 100.0) + " % of " + std::to_string(d.counted) +
         " features with r > .9 and a mean r of " + ranged(fixed(d.mean_r.value, 4), d.mean_r, 4, 1.0) + "; " + policy +
         " leaves " + ranged(signed_fixed(100.0 * d.more_survived.value, 1), d.more_survived, 1, 100.0) +
         " points and " + ranged(signed_fixed(d.more_mean_r.value, 4), d.more_mean_r, 4, 1.0) + " more\n";
}

}  // namespace detail

/// How each pruning was matched to another condition, and its damage at that one's very loss; empty of none.
inline std::string matches_text(const audit_result& a) {
  std::string out;
  for (const condition_result& c : a.conditions) {
    if (!c.match || c.match->across) continue;
    const pruning_match& m = *c.match;
    out += c.policy + " was matched to " + m.matched_to + " by " + m.method + ": target " + fixed(m.target, 4) +
           ", reached " + fixed(m.reached, 4) + " on " + std::to_string(m.rows) +
           (m.same_rows ? " of the reported rows" : " rows that are not reported") +
           (std::isfinite(m.reference) ? ", where the reference has " + fixed(m.reference, 4) : "") +
           " (intervals unmeasured)" + (m.within_tolerance ? "" : ", NOT within the tolerance") + "\n";
    if (c.at_equal_loss) out += detail::equal_loss_text(*c.at_equal_loss, m.matched_to);
  }
  return out;
}

}  // namespace qfa

#endif

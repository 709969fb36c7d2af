// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROLS_TEXT_HPP
#define QFA_REPORT_CONTROLS_TEXT_HPP

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/controls/control_findings.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

inline std::string with_range(const estimate& e, int decimals, double unit = 1.0) {
  const std::string range = range_text(e.range, decimals, unit);
  return fixed(unit * e.value, decimals) + (range.empty() ? "" : " " + range);
}
inline std::string signed_with_range(const estimate& e, int decimals, double unit = 1.0) {
  const std::string range = range_text(e.range, decimals, unit);
  return signed_fixed(unit * e.value, decimals) + (range.empty() ? "" : " " + range);
}

/// What a contrast's interval allows to be said of the policy.
inline std::string_view contrast_word(const estimate& more) {
  if (more.range.kind != interval_kind::two_sided) return "not told apart";
  if (more.range.lower > 0.0) return "policy keeps more";
  if (more.range.upper < 0.0) return "policy keeps less";
  return "not told apart";
}

}  // namespace detail

/// The survival of each policy beside that of the controls of its error, a line for each of them.
inline std::string contrasts_table(const control_findings& c) {
  text_table table({"survived %", "policy", "control", "policy less control, points", "mean r", "less control", ""});
  for (const controlled_policy& p : c.policies) {
    if (!p.refusal.empty()) table.add({p.policy, detail::with_range(p.survived, 1, 100.0), "none", "", "", "", ""});
    for (const control_contrast& x : p.contrasts)
      table.add({p.policy + " | " + x.control + (x.seeds > 1 ? " x" + std::to_string(x.seeds) : ""),
                 fixed(100.0 * p.survived.value, 1), detail::with_range(x.survived, 1, 100.0),
                 detail::signed_with_range(x.more_survived, 1, 100.0), fixed(x.mean_r.value + x.more_mean_r.value, 4),
                 signed_fixed(x.more_mean_r.value, 4), std::string(detail::contrast_word(x.more_mean_r))});
  }
  return table.str();
}

/// Whether two policies hurt the same features more than unrelated noise would, a line for each pair.
inline std::string shared_damage_table(const control_findings& c) {
  text_table table(
      {"shared damage", "sizes", "J", "J_null", "J - J_null", "partial rho", "rho with noise", "reliability", ""});
  for (const shared_damage& s : c.pairs)
    table.add({s.a + " | " + s.b, std::to_string(s.overlap.sizes.a) + ", " + std::to_string(s.overlap.sizes.b),
               fixed(s.overlap.jaccard.value, 3), fixed(s.overlap.null_jaccard.value, 3),
               detail::signed_with_range(s.overlap.excess, 3), detail::with_range(s.order.partial, 3),
               fixed(s.order.null_partial, 3), fixed(s.order.reliability_a, 3) + ", " + fixed(s.order.reliability_b, 3),
               std::string(name(s.verdict()))});
  return table.str();
}

/// The section of an audit's text that its controls have.
inline std::string controls_text(const control_findings& c) {
  std::string out = "controls: " + std::to_string(c.rows) + " rows of " + std::to_string(c.context) + " tokens, " +
                    std::to_string(c.tokens) + " analyzed, " + std::to_string(c.groups) + " groups, " +
                    std::to_string(c.counted) + " features counted; random ones with " +
                    std::to_string(c.settings.seeds) + " seeds\n";
  out += "reference against itself: ";
  out += c.self.holds() ? "every code the same to the bit, r = 1" + std::string(std::isnan(c.self.kl) ? "" : ", KL = 0")
                        : "NOT the same: " + std::to_string(c.self.changed_features) + " features changed, least r " +
                              fixed(c.self.least_r, 6) + ", KL " + fixed(c.self.kl, 9);
  out += "\n";
  for (std::size_t i = 0; i < c.floors.size(); ++i) {
    const numerics_floor& floor = c.floors[i];
    out += floor.what + ": ";
    if (floor.exact) {
      out += "changes nothing here, they are of that type already\n";
      continue;
    }
    out += "r >= " + fixed(floor.tau, 5) + " for 99 % of the features (tau_null); beyond numerics ";
    for (std::size_t p = 0; p < c.policies.size(); ++p)
      out += (p == 0 ? "" : ", ") + c.policies[p].policy + " " + fixed(100.0 * c.policies[p].beyond[i].value, 1) + " %";
    out += "\n";
  }
  out += "\n" + contrasts_table(c);
  for (const controlled_policy& p : c.policies)
    if (!p.refusal.empty()) out += p.policy + " has no control: " + p.refusal + "\n";
  if (!c.pairs.empty()) out += "\n" + shared_damage_table(c);
  for (const std::string& note : c.notes)
    out += "note: " + note + "\n";
  return out;
}

}  // namespace qfa

#endif

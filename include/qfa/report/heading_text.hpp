// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HEADING_TEXT_HPP
#define QFA_REPORT_HEADING_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/survival/evidence_range.hpp"

namespace qfa {

/// What the tables of an audit are of: without it no number of theirs means anything.
struct heading_facts {
  audit_protocol made{};
  std::string kind{};  ///< of the SAE
  std::size_t d_sae = 0;
  bool with_conditions = false;                                 ///< where there are none, what follows is empty
  sae_fit fit{};                                                ///< on the reference
  double best_fvu = std::numeric_limits<double>::infinity();    ///< of the compressed models in the tables; best above
  double worst_fvu = -std::numeric_limits<double>::infinity();  ///< worst where there is none
  std::string protocol{};
  std::size_t active = 0;
  std::size_t counted = 0;
  std::size_t unmeasured = 0;
  evidence_range groups{};

  /// Widens the range of FVU on compressed models.
  void see_fvu(double fvu) {
    best_fvu = (std::min)(best_fvu, fvu);
    worst_fvu = (std::max)(worst_fvu, fvu);
  }
};

/// Of an audit, under its headline protocol.
inline heading_facts heading_facts_of(const audit_result& a) {
  heading_facts out{
      .made = a.made,
      .kind = a.made.gate.empty() ? std::string(activation_names[static_cast<std::size_t>(a.activation)]) : a.made.gate,
      .d_sae = a.d_sae,
      .with_conditions = !a.conditions.empty()};
  if (a.conditions.empty()) return out;
  out.fit = a.conditions.front().fit;
  for (const condition_result& c : a.conditions)
    if (!c.reference && !c.ladder_only) out.see_fvu(c.fit.fvu);
  const survey& reference = a.conditions.front().by(a.headline);
  out.protocol = a.headline.name;
  out.active = reference.active_count();
  out.counted = reference.bands.counted();
  out.unmeasured = reference.bands[outcome::unmeasured];
  out.groups = effective_groups_of(reference);
  return out;
}

/// The same in words, a line each: tokens, rows and groups, BOS, processing and whether weights are compressed before
/// it; the SAE and how well it describes either model; the features counted, and in how many groups of equal size their
/// evidence lies.
inline std::string heading_text(const heading_facts& f) {
  const audit_protocol& made = f.made;
  std::string out = made.source + " audit at " + made.hook + ": " + std::to_string(made.rows) + " rows of " +
                    std::to_string(made.context) + " tokens, " + std::to_string(made.analyzed_tokens) + " analyzed, " +
                    std::to_string(made.groups) + " groups; BOS " +
                    (made.prepend_bos ? "begins every row" : "not added") + ", " + std::to_string(made.skip_positions) +
                    (made.skip_positions == 1 ? " position" : " positions") + " of each row left out; processing " +
                    (made.processing.empty() ? "not known" : made.processing) +
                    (made.order.empty() ? "" : ", in the order " + made.order) + "\n";
  out += f.kind + " SAE of " + std::to_string(f.d_sae) + " features";
  if (!f.with_conditions) return out + "\n";
  out += ", FVU " + with_range(fixed(f.fit.fvu, 4), f.fit.fvu_range, 4) + ", L0 " +
         with_range(fixed(f.fit.l0, 2), f.fit.l0_range, 2) + ", dead " + fixed(100.0 * f.fit.dead_share, 1) +
         " % (unmeasured)";
  if (f.best_fvu <= f.worst_fvu)
    out += "; on compressed models FVU " + fixed(f.best_fvu, 4) +
           (f.best_fvu < f.worst_fvu ? " to " + fixed(f.worst_fvu, 4) : "");
  out += "\nprotocol " + f.protocol + ": " + std::to_string(f.active) + " active features, " +
         std::to_string(f.counted) + " counted, " + std::to_string(f.unmeasured) + " unmeasured\n";
  if (std::isfinite(f.groups.most))
    out += "the evidence of a counted feature is worth " + fixed(f.groups.least, 1) + " to " + fixed(f.groups.most, 1) +
           " groups of equal size (m_eff), median " + fixed(f.groups.median, 1) + "\n";
  return out;
}

inline std::string heading_text(const audit_result& a) { return heading_text(heading_facts_of(a)); }

}  // namespace qfa

#endif

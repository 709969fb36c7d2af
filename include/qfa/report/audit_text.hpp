// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_AUDIT_TEXT_HPP
#define QFA_REPORT_AUDIT_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/report/controls_text.hpp"
#include "qfa/report/damage_text.hpp"
#include "qfa/report/interval_warnings.hpp"
#include "qfa/report/ladder_text.hpp"
#include "qfa/report/match_text.hpp"
#include "qfa/report/meaning_text.hpp"
#include "qfa/report/overlap_text.hpp"
#include "qfa/report/patching_text.hpp"
#include "qfa/report/steering_text.hpp"
#include "qfa/report/survival_text.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/survival/evidence_range.hpp"

namespace qfa {

/// What the tables of an audit are of, in words: without it no number of theirs means anything.  Tokens, rows and
/// groups; the SAE and how well it describes either model; BOS, processing and whether weights are compressed before
/// it; the features counted, and in how many groups of equal size their evidence lies.
inline std::string heading_text(const audit_result& a) {
  const audit_protocol& made = a.made;
  std::string out = made.source + " audit at " + made.hook + ": " + std::to_string(made.rows) + " rows of " +
                    std::to_string(made.context) + " tokens, " + std::to_string(made.analyzed_tokens) + " analyzed, " +
                    std::to_string(made.groups) + " groups; BOS " +
                    (made.prepend_bos ? "begins every row" : "not added") + ", " + std::to_string(made.skip_positions) +
                    (made.skip_positions == 1 ? " position" : " positions") + " of each row left out; processing " +
                    (made.processing.empty() ? "not known" : made.processing) +
                    (made.order.empty() ? "" : ", in the order " + made.order) + "\n";
  out += (made.gate.empty() ? std::string(activation_names[static_cast<std::size_t>(a.activation)]) : made.gate) +
         " SAE of " + std::to_string(a.d_sae) + " features";
  if (a.conditions.empty()) return out + "\n";
  const sae_fit& fit = a.conditions.front().fit;
  out += ", FVU " + with_range(fixed(fit.fvu, 4), fit.fvu_range, 4) + ", L0 " +
         with_range(fixed(fit.l0, 2), fit.l0_range, 2) + ", dead " + fixed(100.0 * fit.dead_share, 1) + " %";
  double best = std::numeric_limits<double>::infinity(), worst = -best;
  for (const condition_result& c : a.conditions)
    if (!c.reference && !c.ladder_only) best = (std::min)(best, c.fit.fvu), worst = (std::max)(worst, c.fit.fvu);
  if (best <= worst)
    out += "; on compressed models FVU " + fixed(best, 4) + (best < worst ? " to " + fixed(worst, 4) : "");
  const survey& reference = a.conditions.front().by(a.headline);
  out += "\nprotocol " + std::string(a.headline.name) + ": " + std::to_string(reference.active_count()) +
         " active features, " + std::to_string(reference.bands.counted()) + " counted, " +
         std::to_string(reference.bands[outcome::unmeasured]) + " unmeasured\n";
  const evidence_range groups = effective_groups_of(reference);
  if (std::isfinite(groups.most))
    out += "the evidence of a counted feature is worth " + fixed(groups.least, 1) + " to " + fixed(groups.most, 1) +
           " groups of equal size (m_eff), median " + fixed(groups.median, 1) + "\n";
  return out;
}

/// What an audit found besides, where it was asked for; and the words that tokens read as, where they are known.
struct audit_additions {
  const control_findings* controls = nullptr;
  const steering_findings* steering = nullptr;
  const patching_findings* patching = nullptr;
  vocabulary words{};
};

/// All that the program prints of an audit: for a terminal, or as Markdown for an issue or a page.  Both say the same.
inline std::string audit_text(const audit_result& a, const audit_additions& more = {},
                              table_form form = table_form::columns) {
  const audit_protocol& made = a.made;
  std::string out;
  const auto sentences = [&](const std::string& text) {
    out += form == table_form::markdown ? markdown_text(text) : text;
  };
  const auto section = [&](const std::string& text) {
    if (!text.empty()) out += "\n" + text;
  };
  const auto section_of_sentences = [&](const std::string& text) {
    if (text.empty()) return;
    out += "\n";
    sentences(text);
  };
  sentences(heading_text(a));
  if (!made.calibration.empty())
    sentences("calibrated on " + made.calibration + ", " + std::to_string(made.calibration_tokens) + " tokens\n");
  for (const audited_checkpoint& c : made.checkpoints)
    sentences(c.condition + " is " + c.path + (c.quantization.empty() ? "" : ": " + c.quantization) + "\n");
  for (const std::string& warning : made.warnings)
    sentences("warning: " + warning + "\n");
  section(conditions_table(a, form));
  if (form == table_form::markdown) out += "\n";
  sentences(gate_note(a));
  sentences(first_position_text(a));
  sentences(matches_text(a));
  sentences(halving_note(made) + interval_warnings(a));
  section(bands_table(a, form));
  section(intervals_table(a, form));
  const bool compressed = std::ranges::any_of(a.conditions, [](const auto& c) { return !c.reference; });
  if (compressed) section(census_table(a, form));
  if (compressed) section(weights_table(a, form));
  section(percentiles_table(a, form));
  std::string worst;
  for (const condition_result& c : a.conditions)
    if (!c.ladder_only) worst += worst_features_text(c);
  section_of_sentences(worst);
  if (!headline_overlaps(a).empty())
    for (const auto pairs : {&gaps_table, &overlaps_table, &damage_ranks_table})
      section(pairs(a, form));
  if (compressed) {
    section(predictions_table(a, form));
    if (form == table_form::markdown) out += "\n";
    sentences(predictions_note(a));
  }
  section_of_sentences(ladder_findings(a));
  if (more.controls != nullptr) section(controls_text(*more.controls, form));
  if (more.steering != nullptr) section(steering_text(*more.steering, more.words, form));
  if (more.patching != nullptr) section(patching_text(*more.patching, form));
  section_of_sentences(meanings_text(a, more.words));
  for (const auto text : {&shift_text, &tokens_text}) {
    std::string all;
    for (const condition_result& c : a.conditions)
      all += text(c);
    section_of_sentences(all);
  }
  return out;
}

}  // namespace qfa

#endif

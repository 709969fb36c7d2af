// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_AUDIT_TEXT_HPP
#define QFA_REPORT_AUDIT_TEXT_HPP

#include <algorithm>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/controls/control_findings.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/report/controls_text.hpp"
#include "qfa/report/damage_text.hpp"
#include "qfa/report/halving_note.hpp"
#include "qfa/report/heading_text.hpp"
#include "qfa/report/interval_warnings.hpp"
#include "qfa/report/ladder_text.hpp"
#include "qfa/report/match_text.hpp"
#include "qfa/report/meaning_text.hpp"
#include "qfa/report/overlap_text.hpp"
#include "qfa/report/patching_text.hpp"
#include "qfa/report/published_notes.hpp"
#include "qfa/report/steering_text.hpp"
#include "qfa/report/survival_text.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

/// What an audit found besides, where it was asked for; and the words that tokens read as, where they are known.
struct audit_additions {
  const control_findings* controls = nullptr;
  const steering_findings* steering = nullptr;
  const patching_findings* patching = nullptr;
  vocabulary words{};
};

/// All that the program prints of an audit: for a terminal, or as Markdown for a page.  Both say the same.
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
  if (a.headline.guarded_r) sentences(published_notes_text(published_warnings(a)));
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
  sentences(halving_note(made.halving) + interval_warnings(a));
  section(bands_table(a, form));
  section(intervals_table(a, form));
  const bool compressed = std::ranges::any_of(a.conditions, [](const auto& c) { return !c.reference; });
  if (compressed) section(census_table(a, form));
  if (compressed) section(weights_table(a, form));
  section(percentiles_table(a, form));
  std::string worst;
  for (const condition_result& c : a.conditions)
    if (!c.ladder_only) worst += worst_features_text(c);
  if (!worst.empty() && a.headline.guarded_r) worst = "by the honest protocol:\n" + worst;
  section_of_sentences(worst);
  if (!headline_overlaps(a).empty())
    for (const auto pairs : {&gaps_table, &overlaps_table, &damage_ranks_table})
      section(pairs(a, form));
  if (compressed) {
    section(predictions_table(a, form));
    if (form == table_form::markdown) out += "\n";
    sentences(published_auc_note() + predictions_note(a));
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

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_STEERING_TEXT_HPP
#define QFA_REPORT_STEERING_TEXT_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "qfa/model/vocabulary.hpp"
#include "qfa/report/damage_text.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/steering/steering_findings.hpp"

namespace qfa {

namespace detail {

/// Whether r foretells fidelity, and what that was seen by.
inline std::string steering_verdict(const steered_condition& c) {
  const auto count = [](std::size_t n) { return std::to_string(n); };
  const std::size_t n = c.features.size() - c.without_fidelity;
  if (!std::isfinite(c.predicted_by_r.value))
    return "whether r predicts how faithfully a feature steers is unmeasured: " +
           std::string(c.predicted_by_r.range.reason) + "\n";
  std::string out = c.r_predicts() ? "r PREDICTS how faithfully a feature steers"
                                   : "r is NOT shown to predict how faithfully a feature steers";
  out += ": Spearman " + with_range(fixed(c.predicted_by_r.value, 2), c.predicted_by_r.range, 2) +
         " over groups of rows, " + range_text(c.over_features.range, 2) + " had other features been drawn (" +
         count(n) + " features at dose 1).\n";
  out += "  With the fidelity of random vectors of equal length held fixed: " +
         with_range(fixed(c.predicted_beyond_length.value, 2), c.predicted_beyond_length.range, 2) + ".\n";
  return out;
}

/// The token's word where it is known.
inline std::string token_text(std::size_t id, const vocabulary& words) {
  const std::array<std::uint32_t, 1> one{static_cast<std::uint32_t>(id)};
  return words.size() > 0 ? '"' + words.text(one) + '"' : "token " + std::to_string(id);
}

inline std::string bands_sentence(const steered_condition& c) {
  std::string out;
  for (std::size_t b = 0; b < c.bands.size(); ++b) {
    const band_fidelity& band = c.bands[b];
    if (band.features == 0) continue;
    out += (out.empty() ? "  Mean fidelity by band of r: " : ", ") +
           with_range(fixed(band.fidelity.value, 4), band.fidelity.range, 4) + " of " + std::to_string(band.features) +
           " " + std::string(outcome_names[b]);
  }
  if (out.empty()) return out;
  if (c.bands[0].features > 0 && c.not_survived.features > 0)
    out +=
        "; those above 0.9 lead by " + with_range(signed_fixed(c.survivors_lead.value, 4), c.survivors_lead.range, 4);
  return out + ".\n";
}

inline std::string doses_table(const steered_condition& c, table_form form) {
  if (c.doses.empty()) return "";
  text_table table({"  dose", "gain", "95 %", "fidelity", "95 %", "exchange rate", "95 %", "random gain",
                    "random fidelity", "over random", "95 %"});
  for (const dose_finding& d : c.doses)
    table.add({"  " + three_digits(d.dose), fixed(d.gain.value, 3), range_text(d.gain.range, 3),
               fixed(d.fidelity.value, 4), range_text(d.fidelity.range, 4), fixed(d.exchange.value, 3),
               range_text(d.exchange.range, 3), fixed(d.random_gain.value, 3), fixed(d.random_fidelity.value, 4),
               signed_fixed(d.excess.value, 4), range_text(d.excess.range, 4)});
  return table.str(form) + without_interval_here("random gain, random fidelity");
}

inline std::string unreached_sentence(const steered_condition& c) {
  std::string out;
  for (const dose_finding& d : c.doses)
    if (d.unreached > 0) out += (out.empty() ? "" : ", ") + std::to_string(d.unreached) + " at " + three_digits(d.dose);
  return out.empty() ? ""
                     : "  Of some features no dose up to " + three_digits(c.doses.back().dose) +
                           " does in the compressed model what theirs does in the reference: " + out + ".\n";
}

/// A line for each direction of the caller's own, at dose 1.
inline std::string directions_text(const steered_condition& c, const vocabulary& words) {
  std::string out;
  for (const steered_direction& d : c.directions)
    for (const direction_dose& at : d.doses) {
      if (at.dose != 1.0) continue;
      out += "  " + d.name + " (length " + three_digits(d.length) + ", raises " + token_text(d.target, words) +
             "): gain " + with_range(fixed(at.gain.value, 3), at.gain.range, 3) + ", fidelity " +
             with_range(fixed(at.fidelity.value, 4), at.fidelity.range, 4) + ", exchange rate " +
             with_range(fixed(at.exchange.value, 3), at.exchange.range, 3) + "; at random fidelity " +
             with_range(fixed(at.random_fidelity.value, 4), at.random_fidelity.range, 4) + ".\n";
    }
  return out;
}

/// The feature that steers least faithfully: chosen on one half of the groups, measured on the other.
inline std::string worst_sentence(const steered_condition& c, const vocabulary& words) {
  if (c.least_faithful >= c.features.size() || !std::isfinite(c.least_fidelity.value)) return "";
  const steered_feature& worst = c.features[c.least_faithful];
  return "  Least faithful on " + halves_text(c.halves_of, 0) + " is feature " + std::to_string(worst.feature) +
         " (r " + fixed(worst.r, 3) + ", unmeasured; raises " + token_text(worst.target, words) + "): fidelity " +
         with_range(fixed(c.least_fidelity.value, 4), c.least_fidelity.range, 4) + " on the odd ones.\n";
}

}  // namespace detail

/// What steering says, with its evidence; tokens read as words where `words` knows them.
inline std::string steering_text(const steering_findings& s, const vocabulary& words = {},
                                 table_form form = table_form::columns) {
  if (s.conditions.empty() && s.notes.empty()) return "";
  std::string out =
      "Steering at " + s.hook + " (" + std::string(activation_names[static_cast<std::size_t>(s.gate)]) +
      " SAE): vectors are decoder rows of " +
      std::to_string(s.conditions.empty() ? 0 : s.conditions.front().features.size()) + " of " +
      std::to_string(s.counted) +
      " counted features, spread over the order of damage, times their mean activation (dose 1); added at " +
      std::to_string(s.tokens) + " tokens (" + std::to_string(s.rows) + " rows' first " + std::to_string(s.positions) +
      "), " + std::to_string(s.groups) +
      " groups.  Gain and fidelity: how strongly, and how nearly in the same direction, the compressed "
      "model's logits move; exchange rate: the dose that it needs over the reference's.  Medians.\n";
  for (const steered_condition& c : s.conditions)
    out += c.policy + ": " + detail::steering_verdict(c) + detail::bands_sentence(c) +
           detail::worst_sentence(c, words) + detail::directions_text(c, words) + detail::unreached_sentence(c) +
           detail::doses_table(c, form);
  for (const std::string& note : s.notes)
    out += note + "\n";
  return form == table_form::markdown ? markdown_text(out) : out;
}

}  // namespace qfa

#endif

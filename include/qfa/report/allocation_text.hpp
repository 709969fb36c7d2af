// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_ALLOCATION_TEXT_HPP
#define QFA_REPORT_ALLOCATION_TEXT_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "qfa/allocate/held_out.hpp"
#include "qfa/allocate/result.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/report/halving_note.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

/// "1.23 times [1.10, 1.37]"
inline std::string times_text(const estimate& ratio) {
  return with_range(fixed(ratio.value, 2) + " times", ratio.range, 2);
}
/// "+34 features as counted, +33.6 smoothed [21.0, 46.2]"
inline std::string more_features(const mix_comparison& c) {
  return signed_fixed(c.survived.value, 0) + " features as counted, " +
         with_range(signed_fixed(c.smoothed.value, 1) + " smoothed", c.smoothed.range, 1);
}

/// "12 matrices rtn:bits=4, 3 rtn:bits=5", by the options' order.
inline std::string counts_text(const damage_table& table, const std::vector<std::size_t>& chosen) {
  std::string out;
  for (std::size_t o = 0; o < table.options.size(); ++o)
    if (const auto count = std::ranges::count(chosen, o); count > 0)
      out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + table.options[o];
  return out;
}

}  // namespace detail

/// What was found, in sentences, each with its evidence.
inline std::string allocation_finding(const allocation_result& a) {
  const damage_table& table = a.table;
  const held_out_mix &uniform = a.mixes.at(0), &features = a.mixes.at(1), &alone = a.mixes.at(2), &kl = a.mixes.at(3);
  const mix_comparison &gain = a.comparisons.at(0), &alone_gain = a.comparisons.at(1), &kl_gain = a.comparisons.at(2),
                       &against_kl = a.comparisons.at(3);
  const std::string& option = table.options[a.uniform];
  std::string out = "On rows that chose nothing, mixed precision keeps " + fixed(features.whole.survived, 0) + " of " +
                    std::to_string(features.features) + " features above r = 0.9 within " +
                    std::to_string(a.budget_bits / 8) + " bytes, and " + option + " in every matrix " +
                    fixed(uniform.whole.survived, 0) + ": " + detail::more_features(gain) + ", ";
  const int side = side_of(gain.smoothed, 0.0);
  if (gain.smoothed.range.kind == interval_kind::refused)
    out += std::string(gain.smoothed.range.reason) + ".\n";
  else
    out += side > 0   ? "an interval that excludes zero.\n"
           : side < 0 ? "an interval below zero: uniform precision is better here.\n"
                      : "an interval that does not exclude zero.\n";
  out += "Its objective, " + a.weighting + " weights on noise to signal, is " + detail::times_text(gain.damage) +
         " uniform precision's, its smoothed median noise to signal " + detail::times_text(gain.smoothed_median) +
         ", its KL " + detail::times_text(gain.kl) + ".\n";
  out += "The least KL within the same bytes keeps " + fixed(kl.whole.survived, 0) + " (" +
         detail::more_features(kl_gain) + " against uniform), with KL " + detail::times_text(kl_gain.kl) +
         " uniform's; the choice made for features keeps " + detail::more_features(against_kl) +
         " against it, with KL " + detail::times_text(against_kl.kl) + " its.\n";
  if (a.predicted.at(2).chosen != a.predicted.at(1).chosen) {
    const std::size_t unheard = table.unheard().size();
    out += "With KL left free, features would keep " + fixed(alone.whole.survived, 0) + " (" +
           detail::more_features(alone_gain) + " against uniform) and KL be " + detail::times_text(alone_gain.kl) +
           " uniform's: ";
    out += unheard > 0
               ? std::to_string(unheard) + " of " + std::to_string(table.units.size()) +
                     " matrices lie where no feature at " + a.hook + " notices them, and would pay for the others.\n"
               : "the two objectives conflict.\n";
  }
  const unit_additivity& adds = a.adds_up;
  const std::string range = fixed(unit_additivity::least, 2) + " to " + fixed(unit_additivity::most, 1);
  out += "Together, matrices do " + with_range(fixed(adds.median.value, 2), adds.median.range, 2) +
         " times the sum of what each does alone (the median feature; quartiles " + fixed(adds.lower_quartile, 2) +
         " to " + fixed(adds.upper_quartile, 2) + ", unmeasured): ";
  out += adds.holds()
             ? "within " + range + ", so that the sum may be made least.\n"
             : "beyond " + range + ", so that the predictions cannot be relied on, and only the held-out rows count.\n";
  const allocation& chosen = a.predicted.at(1);
  out += "Chosen: " + detail::counts_text(table, chosen.chosen) + "; ";
  const std::string within = a.predicted.at(2).chosen != chosen.chosen
                                 ? "no choice within these bytes and uniform precision's KL"
                                 : "no choice within these bytes";
  out += within;
  out += chosen.exact ? " is predicted to do less.\n"
                      : " is predicted to do less than " + fixed(100.0 * chosen.bound / chosen.damage, 1) +
                            " % of it (duality gap).\n";
  if (a.listed > 0)
    out += std::to_string(a.listed_measured) + " of the " + std::to_string(a.listed) +
           " features to keep fire often enough on the held-out rows to be measured.\n";
  return out;
}

/// How the numbers were made: where, of what, with which SAE, and what to beware of.
inline std::string allocation_header(const allocation_result& a, const audit_protocol& made) {
  std::string out =
      "Mixed precision by the features at " + a.hook + " of a " + a.gate + " SAE of " + std::to_string(a.sae_width) +
      " features, FVU " + fixed(a.reference_fvu, 4) + " on the reference and " + fixed(a.mixes.at(1).fvu, 4) +
      " with mixed precision (unmeasured): " + std::to_string(a.table.units.size()) + " matrices, " +
      std::to_string(a.table.options.size()) + " policies, " + std::to_string(a.budget_bits / 8) + " bytes.\n";
  out += "Rows of " + std::to_string(made.context) + " tokens, " + (made.prepend_bos ? "with BOS" : "no BOS") +
         "; processing " + made.processing + ", order " + made.order + ".  Fitted on " + std::to_string(a.fit_tokens) +
         " tokens (" + std::to_string(a.table.features.size()) + " features measured), compared on " +
         std::to_string(a.held_out_tokens) + " others in " + std::to_string(a.held_out_groups) +
         " groups; intervals are of 95 %.\n";
  for (const input_file& file : made.inputs)
    out += "read: " + file.path + " (" + std::to_string(file.bytes) + " bytes, CRC-32 " + file.checksum + ")\n";
  if (!made.calibration.empty()) out += "calibrated on " + made.calibration + "\n";
  for (const auto* list : {&made.warnings, &a.warnings})
    for (const std::string& warning : *list)
      out += "warning: " + warning + "\n";
  const std::size_t rows = a.held_out_tokens / (std::max<std::size_t>)(made.context, 1);
  return out + halving_note(a.halving) + short_groups_warning(a.halving, rows, "held-out rows as far apart as these") +
         halving_note(a.fit_halving, "intervals of how far damage adds up");
}

/// A line for each plan: what it takes, what was predicted, and what it came to on held-out rows.
inline std::string allocation_table(const allocation_result& a) {
  text_table out({"plan", "bytes", "survived", "95 % share", "median nu", "objective", "95 %", "KL", "95 %",
                  "predicted objective", "predicted KL"});
  for (std::size_t i = 0; i < a.mixes.size(); ++i) {
    const held_out_mix& mix = a.mixes[i];
    const estimate damage = mix.damage(), kl = mix.kl();
    out.add({i == 0 ? mix.name + " " + a.table.options[a.uniform] : mix.name, std::to_string(mix.bits / 8),
             fixed(mix.whole.survived, 0) + "/" + std::to_string(mix.features),
             range_text(mix.survived_share().range, 3), fixed(mix.whole.median_noise, 4), fixed(damage.value, 4),
             range_text(damage.range, 4), fixed(kl.value, 4), range_text(kl.range, 4), fixed(a.predicted[i].damage, 4),
             fixed(a.predicted[i].kl, 4)});
  }
  return out.str();
}

}  // namespace qfa

#endif

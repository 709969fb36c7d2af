// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_LADDER_TEXT_HPP
#define QFA_REPORT_LADDER_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

/// "5.3 [5.2, 5.4]"; where a value is censored, "at most 3.0" or "at least 8.0".
inline std::string ladder_bits_text(const ladder_bits& b) {
  const std::string before = b.censored == censoring::at_most    ? "at most "
                             : b.censored == censoring::at_least ? "at least "
                                                                 : "";
  const std::string value = before + fixed(b.bits.value, 1);
  if (b.censored != censoring::none && b.bits.range.kind == interval_kind::refused) return value;
  return with_range(value, b.bits.range, 1);
}

/// "2.5 [2.1, 3.0]", or "2.5 (unmeasured)": by how much a bit more multiplies odds.
inline std::string odds_text(const odds_per_bit& o) {
  if (!std::isfinite(o.lower) || !std::isfinite(o.upper)) return fixed(o.ratio(), 1) + " (unmeasured)";
  return fixed(o.ratio(), 1) + " [" + fixed(o.lower, 1) + ", " + fixed(o.upper, 1) + "]";
}

/// What the ladder of an audit says, a sentence for each finding; empty without a ladder.  A condition that is itself
/// a rung has no sentence: it is worth its bits.
inline std::string ladder_findings(const audit_result& a) {
  if (!a.ladder) return "";
  const ladder_survey& s = a.ladder->survey;
  std::string rungs;
  for (const double b : s.bits)
    rungs += (rungs.empty() ? "" : ", ") + fixed(b, 0);
  std::string out = "in bits of " + a.ladder->family + " (" + rungs + "), by " + std::to_string(s.features.size()) +
                    " of " + std::to_string(s.counted.size()) + " counted features" + std::string(beside_published(a));
  for (const law_verdict v : {law_verdict::unmoved, law_verdict::gone, law_verdict::unsure})
    if (s.count(v) > 0)
      out += ", " + std::to_string(s.count(v)) + " " + std::string(law_verdict_names[static_cast<std::size_t>(v)]);
  if (s.features.empty()) return out + ": no feature has a law, and nothing is measured by this ladder\n";
  out += "; log2 nu falls by " + fixed(-s.slope.median, 2) + " a bit (unmeasured; " +
         std::string(activation_names[static_cast<std::size_t>(a.activation)]) + ", 90 % of features " +
         fixed(-s.slope.high, 2) + " to " + fixed(-s.slope.low, 2) + ")\n";
  for (std::size_t i = 0; i < a.conditions.size(); ++i) {
    const condition_result& c = a.conditions[i];
    if (!c.effective || std::ranges::find(a.ladder->rungs, i) != a.ladder->rungs.end()) continue;
    out += "  " + c.policy + " is worth " + ladder_bits_text(c.effective->median) + " bits to the median feature and " +
           ladder_bits_text(c.effective->worst_decile) + " to the worst decile";
    if (c.bits_per_weight) out += "; it takes " + fixed(*c.bits_per_weight, 2) + " a weight";
    out += "\n";
  }
  const std::string limit = fixed(a.conditions.front().by_honest.rules.bands.survives_above, 2);
  out += "  to keep r above " + limit + " the median feature needs " + ladder_bits_text(s.breaks.median) +
         " bits, the worst decile " + ladder_bits_text(s.breaks.worst_decile) + "\n";
  if (s.bands.model) {
    out += "  taking " +
           (s.bands.by_family ? std::to_string(s.bands.clusters) + " families of near-duplicates"
                              : std::string("features")) +
           " as independent, a bit more multiplies the odds of the mean feature's better band by " +
           odds_text(s.bands.per_bit);
    if (s.bands.gap_p < 0.05)
      out += ", but not evenly: by " + odds_text(*s.bands.blurred) + " those of not being destroyed and by " +
             odds_text(*s.bands.survived) + " those of r above " + limit;
    out += "\n";
  }
  return out;
}

}  // namespace qfa

#endif

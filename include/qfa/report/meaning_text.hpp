// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_MEANING_TEXT_HPP
#define QFA_REPORT_MEANING_TEXT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/meaning/findings.hpp"
#include "qfa/model/vocabulary.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

/// "\"once\" 41 %, <7> 12 %": words where they are known, ids otherwise.
inline std::string tokens_text(const std::vector<token_share>& tokens, const vocabulary& words) {
  std::string out;
  for (const token_share& t : tokens) {
    const std::array<std::uint32_t, 1> id{t.id};
    out += (out.empty() ? "" : ", ") + (words.size() > 0 ? '"' + words.text(id) + '"' : std::to_string(t.id)) + " " +
           fixed(100.0 * t.share, 0) + " %";
  }
  return out.empty() ? "nothing" : out;
}

inline std::string meaning_of(const condition_result& c, const vocabulary& words) {
  const meaning_findings& m = *c.meaning;
  const drift_census& d = m.current;
  const auto count = [](std::size_t n) { return std::to_string(n); };
  std::string out = c.policy + ": ";
  if (std::isnan(d.threshold)) return out + "too few rows to say which features mean something else\n";
  out += count(d.changed) + " of " + count(d.compared) +
         " measured features fire on other tokens than before: they diverge by more than " + fixed(d.threshold, 3) +
         " bits, as 99 % of features do not between even and odd groups of the reference's rows (counts and shares of "
         "this section have no intervals: unmeasured).  ";
  if (d.changed > 0)
    out += "Of these " + count(d.table[1][1]) + " keep their magnitudes where both models fire (r > .9), " +
           count(d.table[1][0]) + " do not.  ";
  out += "Of the " + count(d.compared - d.changed) + " that keep their tokens, " + count(d.table[0][0]) +
         " lose their magnitudes.  By the token before, " + count(m.previous.changed) + " changed.\n";
  if (m.beyond_floor)
    out += "  under " + m.floor + " 99 % of features diverge by " + fixed(m.beyond_floor->threshold, 4) +
           " bits or less: beyond that are " + count(m.beyond_floor->changed) + "\n";
  std::vector<double> overlaps;
  for (std::size_t j = 0; j < m.features.size(); ++j)
    if (m.measured[j] != 0 && !std::isnan(m.features[j].overlap)) overlaps.push_back(m.features[j].overlap);
  out += "  of a feature's " + count(top_contexts::most) + " strongest contexts, the median feature keeps " +
         fixed(100.0 * percentile(overlaps, 50.0), 0) + " %, the worst tenth " +
         fixed(100.0 * percentile(overlaps, 10.0), 0) + " % or less\n";
  if (m.changed_on_even > 0)
    out += "  the even groups of rows choose " + count(m.changed_on_even) +
           " that diverge by more than that, of which " + count(m.changed_on_both) +
           " do on the odd groups, too; the first of them, as the odd groups have them:\n";
  for (std::size_t i = 0; i < (std::min<std::size_t>)(5, m.changed.size()); ++i) {
    const changed_meaning& f = m.changed[i];
    out += "  feature " + count(f.feature) + " (" +
           (std::isnan(f.divergence) ? "silent on a side" : fixed(f.divergence, 2) + " bits") +
           ", r where both fire, over all rows, " + fixed(f.common_support_r, 2) +
           "): " + tokens_text(f.reference_tokens, words) + "  became  " +
           tokens_text(f.compressed_tokens, words) + "\n";
  }
  if (m.moved_on_even > 0) {
    out += "  " + count(m.moved_on_even) +
           " measured features, with 25 missed firings or more on the even groups, lose at least half of these to one "
           "feature of a similar direction, and " +
           count(m.moved_on_both) + " of them on the odd groups, too; there:";
    for (std::size_t i = 0; i < (std::min<std::size_t>)(5, m.moved.size()); ++i) {
      const moved_feature& f = m.moved[i];
      out += (i > 0 ? ", " : " ") + count(f.feature) + " to " + count(f.to) + " (" +
             (std::isnan(f.share) ? "none missed" : fixed(100.0 * f.share, 0) + " % of " + std::to_string(f.misses)) +
             ")";
    }
    out += "\n";
  } else {
    out +=
        "  of no measured feature did half of the missed firings go to one feature of a similar direction (cosine > "
        ".5)\n";
  }
  std::size_t rescued = 0, lost = 0;
  for (std::size_t j = 0; j < m.features.size(); ++j) {
    if (m.measured[j] == 0 || c.features[j].r > 0.9) continue;
    ++lost;
    rescued += m.features[j].family_r > 0.9;
  }
  out += "  " + count(m.families) + " families of near-duplicates hold " + count(m.in_families) + " features; of " +
         count(lost) + " features with r <= .9, " + count(rescued) + " have r > .9 as a family";
  if (!std::isnan(m.icc_of_kin))
    out += "; members share their damage with ICC " + fixed(m.icc_of_kin, 2) + " over " + count(m.kin) +
           " features with a noise to signal below 4, r above .45 (permutation p " + fixed(m.icc_of_kin_p, 3) + ")";
  return out + "\n";
}

}  // namespace detail

/// What became of the features' meanings, in sentences; empty where the audit did not ask.  Tokens read as words where
/// `words` knows them.
inline std::string meanings_text(const audit_result& a, const vocabulary& words = {}) {
  std::string out;
  for (const condition_result& c : a.conditions)
    if (c.meaning) out += detail::meaning_of(c, words);
  return out;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_CONTROL_WORDS_HPP
#define QFA_REPORT_CONTROL_WORDS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/controls/control_findings.hpp"
#include "qfa/controls/weight_controls.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

namespace detail {

inline std::string with_range(const estimate& e, int decimals, double unit = 1.0) {
  return with_range(fixed(unit * e.value, decimals), e.range, decimals, unit);
}
inline std::string signed_with_range(const estimate& e, int decimals, double unit = 1.0) {
  return with_range(signed_fixed(unit * e.value, decimals), e.range, decimals, unit);
}

/// The same, or "-" of what has no value.
inline std::string with_range_or_dash(const estimate& e, int decimals) {
  return std::isnan(e.value) ? "-" : with_range(e, decimals);
}

/// What a contrast's interval allows to be said of the policy.
inline std::string_view contrast_word(const estimate& more) {
  if (more.range.kind != interval_kind::two_sided) return "not told apart";
  if (more.range.lower > 0.0) return "policy hurts less";
  return more.range.upper < 0.0 ? "policy hurts more" : "not told apart";
}

/// Decimals, at least 3 and at most 6, that show two digits of a difference, and on which side of 0 its interval's ends
/// lie: a verdict stands on them.
inline int decimals_of_difference(const estimate& e) {
  const auto shows = [](double x, int decimals, double least) {
    return !(std::fabs(x) > 0.0) || std::fabs(x) * std::pow(10.0, decimals) >= least;
  };
  int decimals = 3;
  while (decimals < 6 &&
         !(shows(e.value, decimals, 9.5) && shows(e.range.lower, decimals, 0.5) && shows(e.range.upper, decimals, 0.5)))
    ++decimals;
  return decimals;
}

/// "POLICY by 0.0373 [0.0361, 0.0384]": a difference that lies on one side of 0, without its sign.
inline std::string by_how_much(const std::string& policy, const estimate& difference) {
  interval range = difference.range;
  if (difference.value < 0.0) {
    range.lower = -difference.range.upper;
    range.upper = -difference.range.lower;
  }
  const int decimals = decimals_of_difference(difference);
  return policy + " by " + with_range(fixed(std::fabs(difference.value), decimals), range, decimals);
}

/// Adds "CLAUSE under A, B" to a sentence, if there is an A.
inline void add_clause(std::string& sentence, std::string_view clause, const std::vector<std::string>& of) {
  for (std::size_t i = 0; i < of.size(); ++i) {
    if (i == 0 && !sentence.empty()) sentence += "; ";
    sentence += i == 0 ? std::string(clause) + " under " : ", ";
    sentence += of[i];
  }
}

/// A kind of control: what a policy is held against, what it says of its damage where the two differ for sure, and
/// where nothing shows that they do.
struct contrast_meaning {
  control_kind kind;
  std::string_view against, differs, alike;
};
inline constexpr std::array<contrast_meaning, 7> contrast_meanings{{
    {control_kind::matched_noise, "noise of the same size in the weights", "more counts than the size of the errors",
     "nothing shows more than the size of the errors"},
    {control_kind::permuted_in_rows, "the same errors at other places of their rows",
     "where errors fall in a row matters", "where errors fall in a row is not seen to matter"},
    {control_kind::permuted_in_tensors, "the same errors at other places of their tensors",
     "where errors fall in a tensor matters", "where errors fall in a tensor is not seen to matter"},
    {control_kind::negated, "the same errors with their signs turned", "a part of the damage is bias",
     "damage is even in the error, its variance, and no bias is seen"},
    {control_kind::isotropic_noise, "noise at the hook of the same energy", "which way the error points there matters",
     "the error's energy there says it all"},
    {control_kind::covariant_noise, "noise at the hook of the same covariance",
     "the error's directions there do not say it all", "the error's directions there say it all"},
    {control_kind::random_pruning, "random pruning of the same loss", "more counts than the loss",
     "nothing shows more than the loss"},
}};

/// What one kind of control decides of all policies; empty where none has it.
inline std::string contrast_sentence(const control_findings& c, const contrast_meaning& m) {
  std::vector<std::string> less, more, neither, unmeasured, unmatched;
  for (const controlled_policy& p : c.policies) {
    for (const control_contrast& x : p.contrasts) {
      if (x.control != name(m.kind)) continue;
      const interval& range = x.more_mean_r.range;
      if (range.kind != interval_kind::two_sided)
        (x.more_mean_r.value == 0.0 ? neither : unmeasured).push_back(p.policy);
      else if (range.lower > 0.0)
        less.push_back(by_how_much(p.policy, x.more_mean_r));
      else if (range.upper < 0.0)
        more.push_back(by_how_much(p.policy, x.more_mean_r));
      else
        neither.push_back(p.policy);
    }
    if (m.kind == control_kind::random_pruning && !p.matches.empty() &&
        std::ranges::none_of(p.matches, [](const matched_pruning& match) { return match.reason.empty(); }))
      unmatched.push_back(p.policy);
  }
  std::string out;
  add_clause(out, "less damage", less);
  add_clause(out, "more damage", more);
  if (!out.empty()) out += " (" + std::string(m.differs) + ")";
  add_clause(out, "not told apart", neither);
  if (!neither.empty()) out += " (" + std::string(m.alike) + ")";
  add_clause(out, "undetermined, without an interval,", unmeasured);
  add_clause(out, "no equal loss, and nothing decided,", unmatched);
  return out.empty() ? out : "against " + std::string(m.against) + ": " + out;
}

/// Whether two policies hurt the same features, and why that is said.
inline std::string sharing_sentence(const shared_damage& s) {
  const auto above = [](const interval& i) { return i.kind != interval_kind::refused && i.lower > 0.0; };
  const auto below = [](const interval& i) { return i.kind != interval_kind::refused && i.upper < 0.0; };
  const interval &excess = s.overlap.excess.range, &order = s.order.partial.range;
  const std::string pair = s.a + " | " + s.b + ": ";
  switch (s.verdict()) {
    case sharing::shared:
      return pair + "a shared mode, the same features are hurt beyond what unrelated noise of the same size gives";
    case sharing::not_shared:
      return pair + "no shared mode, " +
             (below(excess) ? "unrelated noise of the same size fails more of the same features"
                            : "beyond rarity, mean and peak they order features by damage against each other");
    case sharing::nothing_failed:
      return pair + "nothing to share, " +
             (s.overlap.sizes.a == 0 && s.overlap.sizes.b == 0 ? std::string("neither")
              : s.overlap.sizes.a == 0                         ? s.a
                                                               : s.b) +
             " fails no feature";
    case sharing::no_control:
      return pair + "no verdict, there is no noise to hold them against";
    case sharing::at_ceiling:
      return pair + "no verdict, unrelated noise of the same size fails the same features, all but a few";
    case sharing::undetermined:
      break;
  }
  return pair + "undetermined, " +
         (!above(excess) && !above(order) ? "neither J nor the order of damage is above that of noise for sure"
          : !above(excess)                ? "J is not above that of unrelated noise for sure"
                           : "beyond rarity, mean and peak their orders of damage share nothing for sure");
}

/// Whether survival can be foretold beyond what needs no fit.
inline std::string prediction_sentence(const control_findings& c) {
  std::vector<std::string> above, below, neither, none;
  std::string_view baseline = "nu_iso";
  for (const controlled_policy& p : c.policies) {
    const controlled_prediction& x = p.prediction;
    switch (x.verdict()) {
      case fit_verdict::above:
        above.push_back(by_how_much(p.policy, x.gain));
        break;
      case fit_verdict::below:
        below.push_back(by_how_much(p.policy, x.gain));
        break;
      case fit_verdict::not_told_apart:
        neither.push_back(p.policy);
        break;
      case fit_verdict::no_fit:
        none.push_back(p.policy);
        break;
    }
    if (x.verdict() != fit_verdict::no_fit) baseline = x.baseline_name();
  }
  std::string out;
  add_clause(out, "better than by " + std::string(baseline) + ", which needs no fit,", above);
  add_clause(out, "worse than by " + std::string(baseline) + ", which needs no fit,", below);
  add_clause(out, "not told from " + std::string(baseline) + ", which needs no fit,", neither);
  if (!neither.empty()) out += " (survival is signal to noise, as far as these rows tell)";
  add_clause(out, "no fit", none);
  return out.empty() ? out : "survival foretold from the reference: " + out;
}

/// What another choice, or an SAE that has learned nothing, decides of all policies.
inline std::string variant_sentence(const survival_variant& v) {
  const bool unlearned = v.kind == variant_kind::unlearned;
  std::vector<std::string> more, less, neither, unmeasured;
  for (const survival_variant::condition& x : v.conditions) {
    const estimate& e = x.against.more_mean_r;
    if (e.range.kind != interval_kind::two_sided)
      unmeasured.push_back(x.policy);
    else if (e.range.lower > 0.0)
      more.push_back(by_how_much(x.policy, e));
    else if (e.range.upper < 0.0)
      less.push_back(by_how_much(x.policy, e));
    else
      neither.push_back(x.policy);
  }
  std::string out;
  add_clause(out, unlearned ? "learned features are damaged less" : "survival is lower so", more);
  add_clause(out, unlearned ? "learned features are damaged more" : "survival is higher so", less);
  add_clause(out, unlearned ? "a draw, damage says nothing of learned features," : "not told apart", neither);
  add_clause(out, "undetermined, without an interval,", unmeasured);
  return out.empty() ? out : (unlearned ? "against " : "") + v.what + ": " + out;
}

}  // namespace detail

/// What each control decides, a sentence for each: kinds of controls, pairs of policies, prediction, choices made
/// otherwise.  Differences are of mean r, without their sign, or of AUC; each has its interval, and what has none says
/// so.  Sentences have no full stop.
inline std::vector<std::string> controls_in_words(const control_findings& c) {
  std::vector<std::string> out;
  const auto say = [&](std::string sentence) {
    if (!sentence.empty()) out.push_back(std::move(sentence));
  };
  for (const detail::contrast_meaning& m : detail::contrast_meanings)
    say(detail::contrast_sentence(c, m));
  for (const shared_damage& s : c.pairs)
    say(detail::sharing_sentence(s));
  say(detail::prediction_sentence(c));
  for (const survival_variant& v : c.variants)
    say(detail::variant_sentence(v));
  return out;
}

/// That groups of rows were joined, and that they are too short even so; nothing where all is well.  Of groups that are
/// too few for any interval it is not said that they are too short.
inline std::string control_groups_text(const control_findings& c) {
  const group_length_check& g = c.group_length;
  if (!(g.block_length > 0.0)) return "";
  const std::string depend = "rows depend on each other over " + fixed(g.block_length, 1) +
                             " rows (b* of the audit's series, for as many rows as these)";
  std::string out;
  if (c.groups < c.groups_before)
    out += "note: intervals of the controls leave out each of " + std::to_string(c.groups) + " groups of rows, not " +
           std::to_string(c.groups_before) + ", as " + depend + "\n";
  if (g.long_enough() || g.groups < minimum_groups) return out;
  const double rows = std::ceil(rows_long_enough(g.block_length, c.rows));
  return out + "warning: intervals of the controls are too narrow, and what rests on them is not sure, as " + depend +
         ": of " + std::to_string(g.groups) + " groups of rows " + std::to_string(g.advised) +
         " would be long enough; " + std::to_string(minimum_groups) + " would be on " + fixed(rows, 0) +
         " rows (--control-tokens " + fixed(rows * static_cast<double>(c.context), 0) + ")\n";
}

}  // namespace qfa

#endif

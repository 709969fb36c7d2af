// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_PATCHING_TEXT_HPP
#define QFA_REPORT_PATCHING_TEXT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "qfa/report/damage_text.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/sae/sae.hpp"
#include "qfa/steering/recovery.hpp"

namespace qfa {

namespace detail {

/// The set that the finding is about: the destroyed features, else those with r of 0.9 or less, else the worst tenth.
/// A set of fewer than 1 % of the features is passed over: so few recover little whatever r is worth.
inline const restored_point* telling_point(const patched_condition& c) {
  for (const char* what : {"destroyed", "blurred or destroyed", "10 %"}) {
    const auto found = std::ranges::find(c.points, what, &restored_point::what);
    if (found != c.points.end() && 100 * found->features >= c.ordered) return &*found;
  }
  return c.points.empty() ? nullptr : &c.points.front();
}

/// Whether r says what matters: what the worst recover beyond as many at random, for sure or not.  An interval that
/// includes 0 shows neither that it does nor that it does not.
inline std::string patching_verdict(const patched_condition& c) {
  const restored_point* const p = telling_point(c);
  if (p == nullptr) return "";
  const interval& gain = p->worst_over_random.range;
  const bool measured = gain.kind == interval_kind::two_sided;
  const std::string set = p->what.back() == '%'    ? "the worst " + p->what + " by r"
                          : p->what == "destroyed" ? "those that r calls destroyed"
                                                   : "those with r of 0.9 or less";
  std::string out = "  The " + std::to_string(p->features) + " features, " + set + ", recover " +
                    percent_text(p->worst) + " of it, as many at random " + percent_text(p->random) +
                    ", as much energy at random (" + fixed(p->random_features, 0) + " features) " +
                    percent_text(p->random_energy) + ", as many with the largest energy " + percent_text(p->loudest) +
                    ", and all others without them " + percent_text(p->all_but_worst) + ".\n";
  if (!measured) return out + "  Whether r is functional importance is unmeasured: " + std::string(gain.reason) + ".\n";
  const interval& ceiling = c.everything.range;
  if (ceiling.kind == interval_kind::two_sided && !(ceiling.lower > 0.0))
    return out +
           "  The SAE's codes do not carry what is lost: with all of them restored the predictions are not shown to be "
           "nearer, so patching cannot tell whether r is functional importance.\n";
  const std::string numbers = percent_text(p->worst_over_random) + " beyond as many at random";
  if (gain.lower > 0.0) return out + "  r points at features that matter to predictions: " + numbers + ".\n";
  if (gain.upper <= 0.0)
    return out + "  r is NOT functional importance: restoring the worst features gives no more than any others do (" +
           numbers + ").\n";
  const bool recovers = p->worst.range.kind == interval_kind::two_sided && p->worst.range.lower > 0.0;
  return out + "  r is NOT shown to be functional importance: restoring the worst features is not shown to " +
         (recovers ? "give more than any others do" : "recover anything") + " (" + numbers + ").\n";
}

inline std::string points_table(const patched_condition& c, table_form form) {
  text_table table({"  restored", "features", "worst r %", "95 %", "all but %", "top energy %", "95 %", "all but %",
                    "random %", "same energy at random %"});
  for (const restored_point& p : c.points)
    table.add({"  " + p.what, std::to_string(p.features), fixed(100.0 * p.worst.value, 1),
               range_text(p.worst.range, 1, 100.0), fixed(100.0 * p.all_but_worst.value, 1),
               fixed(100.0 * p.loudest.value, 1), range_text(p.loudest.range, 1, 100.0),
               fixed(100.0 * p.all_but_loudest.value, 1), fixed(100.0 * p.random.value, 1),
               fixed(100.0 * p.random_energy.value, 1)});
  return table.str(form) + without_interval_here("all but %, random %, same energy at random %");
}

}  // namespace detail

/// What comes back of the predictions where features are restored, with its evidence.
inline std::string patching_text(const patching_findings& p, table_form form = table_form::columns) {
  if (p.conditions.empty() && p.notes.empty()) return "";
  std::string out =
      "Oracle patching at " + p.hook + " (" + std::string(activation_names[static_cast<std::size_t>(p.gate)]) +
      " SAE): features get the reference's codes in the compressed model; " + std::to_string(p.counted) +
      " counted features are told apart on " + std::to_string(p.choosing_tokens) +
      " tokens of the even groups of rows, and restored on " + std::to_string(p.tokens) + " of the odd ones, " +
      std::to_string(p.groups) + " groups; random sets are " +
      (p.options.seeds == 1 ? "one draw" : "means over " + std::to_string(p.options.seeds) + " draws") + ".\n";
  for (const patched_condition& c : p.conditions) {
    out += c.policy + ": KL from the reference is " + detail::three_digits(c.kl.value) + " nats a token";
    out += " " + detail::three_digits_range(c.kl.range);
    if (!std::isfinite(c.everything.value)) {
      out += ": there is nothing to recover.\n";
      continue;
    }
    out += "; the reference's activations here take away " + percent_text(c.activations) +
           " of it (the rest is done behind the hook), and its codes of every feature " + percent_text(c.everything) +
           ".\n" + detail::patching_verdict(c) + detail::points_table(c, form);
  }
  for (const std::string& note : p.notes)
    out += note + "\n";
  return form == table_form::markdown ? markdown_text(out) : out;
}

}  // namespace qfa

#endif

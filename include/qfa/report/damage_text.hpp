// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_DAMAGE_TEXT_HPP
#define QFA_REPORT_DAMAGE_TEXT_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/audit/shift_account.hpp"
#include "qfa/audit/token_account.hpp"
#include "qfa/report/text_table.hpp"

namespace qfa {

namespace detail {

/// "-0.42 [-0.45, -0.39]".
inline std::string correlation_text(const estimate& e) { return with_range(fixed(e.value, 2), e.range, 2); }

/// Three digits, whatever the size.
inline std::string three_digits(double x) {
  if (!std::isfinite(x)) return "-";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3g", x);
  return text.data();
}

/// An interval with three digits; "(unmeasured)" where there is none.
inline std::string three_digits_range(const interval& range) {
  return range.kind == interval_kind::refused ? "(unmeasured)" : range_text(range, three_digits);
}

/// The foot of a table that has no room for all intervals.
inline std::string without_interval_here(std::string_view columns) {
  return "  without an interval here: " + std::string(columns) + "; report.json has them\n";
}

/// A bound of a bucket: counts and positions in full.
inline std::string bound_text(double x) { return x == std::floor(x) ? fixed(x, 0) : three_digits(x); }

inline std::string bucket_text(const token_bucket& b) {
  const std::string low = bound_text(b.low);
  if (!std::isfinite(b.high)) return "from " + low;
  return "in [" + low + ", " + bound_text(b.high) + (b.high == 1.0 && b.low > 0.0 ? "]" : ")");
}

inline std::string measured_kl(const token_bucket& b) {
  return three_digits(b.kl.value) + " [" + three_digits(b.kl.range.lower) + ", " + three_digits(b.kl.range.upper) +
         "] " + bucket_text(b);
}

/// Mean KL in the first and in the last bucket that have an interval; the buckets between are in the report.
inline std::string ends_of_table(const token_account& t, token_sort by, std::string_view what) {
  const auto measured = [](const token_bucket& b) { return b.kl.range.kind == interval_kind::two_sided; };
  const std::vector<token_bucket>& table = t.table(by);
  const auto first = std::ranges::find_if(table, measured);
  const auto last = std::find_if(table.rbegin(), table.rend(), measured);
  if (first == table.end() || &*first == &*last) return "";
  return "  Mean KL by " + std::string(what) + ": " + measured_kl(*first) + ", " + measured_kl(*last) + ".\n";
}

/// By which groups half of the rows chose: those of all other numbers, or of `halves` that are shorter.
inline std::string halves_text(std::size_t halves, std::size_t groups) {
  return halves == groups ? "the even groups of rows"
                          : "the even ones of " + std::to_string(halves) + " shorter groups of rows";
}

inline std::string features_text(const std::vector<std::uint32_t>& features) {
  constexpr std::size_t most = 8;
  std::string out;
  for (std::size_t i = 0; i < (std::min)(most, features.size()); ++i)
    out += (i == 0 ? "" : ", ") + std::to_string(features[i]);
  return out + (features.size() > most ? " and so on" : "");
}

}  // namespace detail

/// What a condition's shift is made of, in sentences; nothing where activations were not at hand.
inline std::string shift_text(const condition_result& c) {
  if (!c.shift) return "";
  const activation_shift& s = *c.shift;
  if (!(s.mean.shift > 0.0)) return c.policy + ": activations do not move.\n";
  std::string out = c.policy + ": activations move by " + percent_text(s.relative) +
                    " of their energy, of which a bias would undo " + percent_text(s.mean_shift_share) + "; position " +
                    std::to_string(c.first.position) + " has " + fixed(percent(c.first.shift_share), 1) +
                    " % (unmeasured) of it.\n";
  out += "  The SAE explains " + percent_text(s.explained) + " of the shift: " + percent_text(s.decoded) +
         " is what it decodes, " + percent_text(s.missed) + " what it misses, and " + percent_text(s.cross) +
         " their cross term.\n";
  if (!s.carriers.features.empty())
    out += "  " + std::to_string(s.carriers.features.size()) + " of " + std::to_string(s.phi.size()) +
           " features carry half of what is explained, chosen on " +
           detail::halves_text(s.carriers.groups, c.by_honest.correlations.groups) + " (" +
           percent_text(s.carriers.share) + " on the odd ones): " + detail::features_text(s.carriers.features) + ".\n";
  out += "  Of what the codes changed, the top 1 % of features have " + percent_text(s.top_1_percent) +
         " and the top 10 % " + percent_text(s.top_10_percent) + "; Gini " + detail::correlation_text(s.gini_firing) +
         " among those that fire.\n";
  return out;
}

/// The features that a condition hurts most, in a sentence: those that half of the rows chose, as the others have them.
inline std::string worst_features_text(const condition_result& c) {
  const worst_features& w = c.worst;
  if (w.chosen == 0) return "";
  std::string out = c.policy + ": the " + std::to_string(w.chosen) + " worst features, chosen on " +
                    detail::halves_text(w.groups, c.by_honest.correlations.groups) + " (mean r " +
                    fixed(w.chosen_mean, 3) + ", unmeasured), have mean r " +
                    with_range(fixed(w.mean.value, 3), w.mean.range, 3) + " on the odd ones, where " +
                    percent_text(w.hurt) + " of them have r of 0.9 or less; worst first:";
  constexpr std::size_t most = 5;
  for (std::size_t i = 0; i < (std::min)(most, w.listed.size()); ++i)
    out += (i == 0 ? " " : ", ") + std::to_string(w.listed[i].feature) + " with " +
           with_range(fixed(w.listed[i].r.value, 3), w.listed[i].r.range, 3);
  return out + ".\n";
}

/// Position 0 of the rows apart from the others, in two lines: its norm, and what it has of the firings that came or
/// went with each policy.  Where it is left out of the statistics, the first position that is not has the firings.
inline std::string first_position_text(const audit_result& a) {
  if (a.conditions.empty()) return "";
  const first_position& at = a.conditions.front().first;
  double least = std::numeric_limits<double>::infinity(), most = -least;
  std::string flips;
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only) continue;
    least = (std::min)(least, c.first.norm_at_0), most = (std::max)(most, c.first.norm_at_0);
    if (std::isfinite(c.first.flip_share))
      flips += (flips.empty() ? "" : ", ") + c.policy + " " + fixed(percent(c.first.flip_share), 1) + " %";
  }
  if (!std::isfinite(at.norm_at_0)) return "";
  const auto norm = [](double x) { return detail::three_digits(x); };
  std::string out = "position 0 of each row" + std::string(at.position > 0 ? ", left out of all statistics," : "") +
                    " has activations of mean length " + norm(at.norm_at_0) + " on the reference";
  if (least <= most)
    out += norm(least) == norm(most) ? " and " + norm(most) + " on compressed models"
                                     : " and " + norm(least) + " to " + norm(most) + " on compressed models";
  if (at.position > 0)
    out += "; position " + std::to_string(at.position) + ", the first analyzed one, " + norm(at.norm);
  out += std::isfinite(at.norm_elsewhere) ? "; the others " + norm(at.norm_elsewhere) : "";
  if (flips.empty() || a.made.context <= at.position) return out + " (intervals unmeasured)\n";
  const double positions = static_cast<double>(a.made.context - at.position);
  return out + "; of firings that came or went position " + std::to_string(at.position) + " has " + flips +
         ", of tokens " + fixed(100.0 / positions, 1) + " % (intervals unmeasured)\n";
}

/// How losses are spread over tokens, two lines for each condition: a mean hides the few tokens on which a compressed
/// model is far off.  Empty where no model is run.
inline std::string percentiles_table(const audit_result& a, table_form form = table_form::columns) {
  std::vector<std::string> heads{"percentiles over tokens, intervals unmeasured", "tokens"};
  for (const double p : listed_percentiles)
    heads.push_back(p == 0.0 ? "least" : p == 100.0 ? "most" : p == 50.0 ? "median" : detail::three_digits(p) + " %");
  text_table table(std::move(heads));
  bool any = false;
  for (const condition_result& c : a.conditions) {
    if (c.reference || c.ladder_only || !c.loss || !c.loss->by_token) continue;
    const token_percentiles& t = *c.loss->by_token;
    any = true;
    const auto add = [&](const char* what, std::span<const double> values) {
      std::vector<std::string> row{c.policy + ", " + what, std::to_string(t.tokens)};
      for (const double x : values)
        row.push_back(detail::three_digits(x));
      table.add(std::move(row));
    };
    add("excess loss", t.excess_loss);
    add("KL", t.kl);
  }
  return any ? table.str(form) : "";
}

/// Which tokens a condition hurts, in sentences; nothing where that was not asked for.
inline std::string tokens_text(const condition_result& c) {
  if (!c.tokens) return "";
  const token_account& t = *c.tokens;
  std::string out = c.policy + ": on " + std::to_string(t.ranked_tokens) + " tokens" +
                    (t.ranked_stride > 1 ? " (those of one row in " + std::to_string(t.ranked_stride) + ")" : "") +
                    " KL goes with the code's cosine by " + detail::correlation_text(t.cosine.value) +
                    " (Spearman), with the active sets' Jaccard by " + detail::correlation_text(t.jaccard.value);
  if (t.relative_shift.tokens > 0) out += ", with |D|/|h| by " + detail::correlation_text(t.relative_shift.value);
  out += ".\n";
  out += detail::ends_of_table(t, token_sort::top_probability, "the reference's top probability");
  out += detail::ends_of_table(t, token_sort::entropy, "the reference's entropy in nats");
  out += detail::ends_of_table(t, token_sort::frequency, "how often the token occurs");
  out += detail::ends_of_table(t, token_sort::position, "position");
  return out;
}

}  // namespace qfa

#endif

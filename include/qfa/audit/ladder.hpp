// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_LADDER_HPP
#define QFA_AUDIT_LADDER_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/audit/conclude.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/bits/ladder_survey.hpp"
#include "qfa/compress/rtn.hpp"

namespace qfa {

/// What a whole ladder has.  At 2 bits the grid has a single step, and the law's halving of it means nothing.
inline constexpr int lowest_rung = 3, highest_rung = 8;

/// A condition that is a rung of round-to-nearest: its bits, and what it has in common with the ladder's others.
struct rung_name {
  std::string family;  ///< "rtn", or with its other fields "rtn:per=tensor"
  int bits = 0;
};

/// Reads "rtn:bits=4" or "rtn:bits=4,per=tensor"; nothing where the name is of no rung from 3 to 8 bits.
inline std::optional<rung_name> rung_of(std::string_view condition) {
  constexpr std::string_view before = "rtn:", key = "bits=";
  if (!condition.starts_with(before) || condition.find_first_of("+&(; ") != std::string_view::npos) return std::nullopt;
  rung_name out{.family = "rtn"};
  std::string others;
  for (std::string_view rest = condition.substr(before.size()); !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix((std::min)(one.size() + 1, rest.size()));
    if (!one.starts_with(key)) {
      others += (others.empty() ? ":" : ",") + std::string(one);
      continue;
    }
    const char* const end = one.data() + one.size();
    const auto [last, problem] = std::from_chars(one.data() + key.size(), end, out.bits);
    if (problem != std::errc{} || last != end) return std::nullopt;
  }
  if (out.bits < lowest_rung || out.bits > highest_rung) return std::nullopt;
  out.family += others;
  return out;
}

/// The rungs rtn:bits=3 to 8 that are not among the named conditions.
inline std::vector<rtn> missing_rungs(std::span<const std::string> conditions) {
  std::vector<rtn> out;
  for (int bits = lowest_rung; bits <= highest_rung; ++bits)
    if (std::ranges::find(conditions, rtn{.bits = bits}.name()) == conditions.end()) out.push_back({.bits = bits});
  return out;
}

/// A ladder among the conditions of an audit.
struct found_ladder {
  std::string family;
  std::vector<std::size_t> conditions;  ///< their places, by bits
};

/// The ladder by which conditions are measured: at least three rungs of one family from 4 bits on.  The plain one, with
/// a scale for each row, if there is one, else that of the most rungs, else of those the first.
inline std::optional<found_ladder> find_ladder(std::span<const condition_result> conditions) {
  struct family_rungs {
    std::string family;
    std::vector<std::pair<int, std::size_t>> rungs;
  };
  std::vector<family_rungs> families;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const std::optional<rung_name> rung = rung_of(conditions[i].policy);
    if (!rung) continue;
    auto at = std::ranges::find(families, rung->family, &family_rungs::family);
    if (at == families.end()) at = families.insert(families.end(), {rung->family, {}});
    const bool known = std::ranges::any_of(at->rungs, [&](const auto& r) { return r.first == rung->bits; });
    if (!known) at->rungs.emplace_back(rung->bits, i);
  }
  const family_rungs* best = nullptr;
  for (const family_rungs& f : families) {
    const auto fits_law = [](const auto& rung) { return rung.first >= law_from; };
    if (std::ranges::count_if(f.rungs, fits_law) < static_cast<std::ptrdiff_t>(fewest_rungs)) continue;
    if (best == nullptr || f.family == "rtn" || (best->family != "rtn" && f.rungs.size() > best->rungs.size()))
      best = &f;
  }
  if (best == nullptr) return std::nullopt;
  std::vector<std::pair<int, std::size_t>> sorted = best->rungs;
  std::ranges::sort(sorted);
  found_ladder out{.family = best->family, .conditions = {}};
  for (const auto& [bits, place] : sorted)
    out.conditions.push_back(place);
  return out;
}

/// Measures every condition by the ladder among them, if there is one; without it nothing changes.
///
/// By honest r, under whichever protocol the audit's tables are: the published guard makes an r of 0 where nothing is
/// known.  The features are those with a verdict, the same for all conditions.  `families` are those of the
/// dictionary's features (d_sae), near-duplicates sharing one; empty where they are not known.  Throws as
/// take_ladder_survey.
inline void measure_by_ladder(audit_result& audit, std::span<const std::uint32_t> families = {}) {
  const std::optional<found_ladder> found = find_ladder(audit.conditions);
  if (!found) return;
  std::vector<ladder_rung> rungs;
  for (const std::size_t place : found->conditions) {
    const condition_result& c = audit.conditions[place];
    rungs.push_back({static_cast<double>(rung_of(c.policy)->bits), &c.by_honest.correlations});
  }
  std::vector<const leave_one_out*> others;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < audit.conditions.size(); ++i) {
    if (audit.conditions[i].reference || std::ranges::find(found->conditions, i) != found->conditions.end()) continue;
    places.push_back(i);
    others.push_back(&audit.conditions[i].by_honest.correlations);
  }
  const condition_result& first = audit.conditions[found->conditions.front()];
  std::vector<firing_profile> profiles;
  for (const std::uint32_t f : first.by_honest.counted) {
    const feature_summary& s = first.features[f];
    profiles.push_back({.rate = s.firing_rate, .mean = s.mean_activation, .max = s.max_activation});
  }
  std::vector<std::uint32_t> family_of;
  if (!families.empty())
    for (const std::uint32_t f : first.by_honest.counted)
      family_of.push_back(families[f]);
  ladder_survey survey = take_ladder_survey(std::move(rungs), others, first.by_honest.counted, profiles,
                                            first.by_honest.rules.bands, family_of);
  for (std::size_t i = 0; i < places.size(); ++i)
    audit.conditions[places[i]].effective = std::move(survey.conditions[i]);
  for (std::size_t s = 0; s < found->conditions.size(); ++s)
    audit.conditions[found->conditions[s]].effective = survey.rungs[s];
  survey.conditions.clear();
  audit.ladder = audited_ladder{found->family, found->conditions, std::move(survey)};
}

/// What takes all conditions of an audit together: overlaps of every two, the ladder, and damage between two prunings.
/// `ladder_only` names the conditions that stand in the audit as rungs and are in no table; nor is the second pruning.
/// `meaning_floor` names the condition of hold_meanings_against, if any; `families` are those of measure_by_ladder.
/// Throws as these two.
inline void conclude_together(audit_result& audit, std::span<const std::string> ladder_only = {},
                              const std::string& meaning_floor = {}, std::span<const std::uint32_t> families = {}) {
  for (condition_result& c : audit.conditions)
    c.ladder_only = std::ranges::find(ladder_only, c.policy) != ladder_only.end() || (c.match && c.match->across);
  interpolate_matches(audit);
  compare_conditions(audit);
  if (!meaning_floor.empty()) hold_meanings_against(audit, meaning_floor);
  measure_by_ladder(audit, families);
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_FINDINGS_HPP
#define QFA_MEANING_FINDINGS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "qfa/compare/rank_biased_overlap.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/meaning/births.hpp"
#include "qfa/meaning/drift.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/meaning/intraclass.hpp"
#include "qfa/meaning/meaning_record.hpp"
#include "qfa/meaning/side_meanings.hpp"
#include "qfa/meaning/token_weights.hpp"
#include "qfa/meaning/top_contexts.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/feature_statistics.hpp"
#include "qfa/stats/feature_summary.hpp"

namespace qfa {

/// A feature that fires where another is missed.
struct feature_birth {
  std::uint32_t feature = 0;
  std::uint32_t count = 0;  ///< tokens on which it is born and the other missed, at most
  std::uint32_t error = 0;  ///< and fewer by no more than this
  double lift = 0.0;        ///< at least: (count - error) tokens / (misses births), 1 where the two are unrelated
};

/// What became of one feature's meaning.  NaN where undefined.
struct feature_meaning {
  static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

  double overlap = 0.0;              ///< share of the 50 strongest contexts that both sides have
  double rank_overlap = 0.0;         ///< rank-biased, p = .9; NaN where a side is silent
  double divergence = 0.0;           ///< between the sides' distributions over the tokens that fire, bits
  double control = 0.0;              ///< the same between even and odd groups of the reference
  double previous_divergence = 0.0;  ///< of the tokens before those
  double previous_control = 0.0;
  std::vector<feature_birth> born_instead{};  ///< at most five, the most frequent first
  double moved =
      0.0;  ///< the largest share of the misses on which one and the same neighbor is born; NaN without misses
  std::optional<std::uint32_t> moved_to{};  ///< that neighbor; none where nothing moved
  /// `divergence` over the even and over the odd groups of rows.
  std::array<double, 2> half_divergence{undefined, undefined};
  std::uint32_t family = 0;                 ///< its least member
  double family_r = 0.0;                    ///< of the family's weighted sum; r in a family of one; NaN for a zero row
};

/// One feature that means something else, to be read: chosen by the even groups of rows and shown on the odd ones.
struct changed_meaning {
  std::uint32_t feature = 0;
  double chosen_by = 0.0;         ///< the divergence on the even groups
  double divergence = 0.0;        ///< on the odd ones; NaN where a side does not fire there
  double common_support_r = 0.0;  ///< over all rows
  std::vector<token_share> reference_tokens{};  ///< the ids with the largest shares, on the odd groups
  std::vector<token_share> compressed_tokens{};
};

/// A feature whose missed firings went to one neighbor: chosen, with the neighbor, by the even groups of rows.
struct moved_feature {
  std::uint32_t feature = 0;
  std::uint32_t to = 0;
  double chosen_by = 0.0;   ///< the share of the misses of the even groups on which the neighbor is born
  double share = 0.0;       ///< of those of the odd ones; NaN where none was missed there
  std::uint64_t misses = 0;  ///< on the odd groups
};

/// What became of all features' meanings.
struct meaning_findings {
  std::vector<feature_meaning> features;
  std::vector<std::uint8_t> measured;  ///< 1 for features that set the thresholds and are counted
  drift_census current;
  drift_census previous;
  std::string floor{};                         ///< the condition that is the control of the next; empty: none
  std::optional<drift_census> beyond_floor{};  ///< of current tokens, by another compression as the control
  /// What the even groups choose: of the measured features those that diverge by more than the threshold of current
  /// tokens, and those that miss 25 firings or more there, at least half of them to one neighbor.  Of each the count,
  /// how many of them do so on the odd groups too, and the 20 that do most on the even ones.
  std::size_t changed_on_even = 0;
  std::size_t changed_on_both = 0;
  std::vector<changed_meaning> changed;
  std::size_t moved_on_even = 0;
  std::size_t moved_on_both = 0;
  std::vector<moved_feature> moved;
  std::size_t families = 0;                    ///< of two or more
  std::size_t in_families = 0;                 ///< features in them
  std::size_t icc_features = 0;                ///< measured, with a noise to signal below 4
  double icc = 0.0;                            ///< of noise to signal over families
  double icc_p = 0.0;                          ///< by 999 permutations
  std::size_t kin = 0;                         ///< of those features, in families of two or more of them
  double icc_of_kin = 0.0;                     ///< over these families alone: features without kin vary in other ways
  double icc_of_kin_p = 0.0;
};

/// The census of current tokens with another compression of the same reference as the control: one that only rounds,
/// where that is to tell of more than numerics (C2).
inline drift_census drift_beyond(const meaning_findings& found, const meaning_findings& floor,
                                 std::span<const feature_summary> summaries) {
  std::vector<double> divergences, controls, r_on;
  for (const feature_meaning& m : found.features)
    divergences.push_back(m.divergence);
  for (const feature_meaning& m : floor.features)
    controls.push_back(m.divergence);
  for (const feature_summary& s : summaries)
    r_on.push_back(s.common_support_r);
  return count_drift(divergences, controls, r_on, found.measured);
}

/// The keys by which ranked contexts are compared: the same token of the same row is the same item.
inline std::vector<std::size_t> context_keys(std::span<const context> contexts) {
  std::vector<std::size_t> keys;
  for (const context& c : contexts)
    keys.push_back(std::size_t{c.row} << 32U | c.position);
  return keys;
}

namespace detail {

/// Where a feature's missed firings went, of `misses` > 0 misses.
inline void find_move(feature_meaning& to, std::span<const std::uint32_t> neighbors,
                      std::span<const std::uint64_t> births, double misses) {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < neighbors.size(); ++i)
    if (births[i] > most) {
      most = births[i];
      to.moved_to = neighbors[i];
    }
  to.moved = static_cast<double>(most) / misses;
}

inline constexpr std::size_t meanings_listed = 20;

/// The largest of many divergences would not be as large again: the even groups choose.
inline void choose_changed(meaning_findings& out, const side_meanings& reference, const side_meanings& compressed,
                           std::span<const double> common_support_r) {
  for (std::uint32_t j = 0; j < out.features.size(); ++j) {
    const auto [even, odd] = out.features[j].half_divergence;
    if (out.measured[j] == 0 || !out.current.is_change(even)) continue;
    ++out.changed_on_even;
    out.changed_on_both += out.current.is_change(odd);
    out.changed.push_back({j, even, odd, common_support_r[j], {}, {}});
  }
  std::ranges::stable_sort(out.changed, std::ranges::greater{}, &changed_meaning::chosen_by);
  if (out.changed.size() > meanings_listed) out.changed.resize(meanings_listed);
  for (changed_meaning& c : out.changed) {
    c.reference_tokens = top_tokens(reference.half(c.feature, 1), 5);
    c.compressed_tokens = top_tokens(compressed.half(c.feature, 1), 5);
  }
}

inline void choose_moved(meaning_findings& out, const births& born, const feature_relations& relations) {
  constexpr std::uint64_t least_misses = 25;
  constexpr double least_share = 0.5;
  for (std::uint32_t j = 0; j < out.features.size(); ++j) {
    const std::uint64_t missed = born.missed(j, 0);
    const std::span<const std::uint64_t> even = born.of_neighbors(relations, j, 0);
    if (out.measured[j] == 0 || missed < least_misses || even.empty()) continue;
    const auto most = static_cast<std::size_t>(std::ranges::max_element(even) - even.begin());  // of equals the first
    const double share = static_cast<double>(even[most]) / static_cast<double>(missed);
    if (share < least_share) continue;
    const auto odd = static_cast<double>(born.of_neighbors(relations, j, 1)[most]);
    const double there = ratio(odd, static_cast<double>(born.missed(j, 1)));
    ++out.moved_on_even;
    out.moved_on_both += there >= least_share;
    out.moved.push_back({j, relations.neighbors(j)[most], share, there, born.missed(j, 1)});
  }
  std::ranges::stable_sort(out.moved, std::ranges::greater{}, &moved_feature::chosen_by);
  if (out.moved.size() > meanings_listed) out.moved.resize(meanings_listed);
}

}  // namespace detail

/// Concludes from both sides' records.  `summaries`: the features' statistics (stats/feature_summary.hpp).  `measured`
/// marks the features that set the threshold and are counted.  `seed` is of the permutations.  Throws where
/// `compressed` is of no pair, and where numbers of features differ.
inline meaning_findings find_meanings(const side_meanings& reference, const meaning_record& compressed,
                                      const feature_relations& relations, std::span<const feature_summary> summaries,
                                      std::span<const std::uint8_t> measured, std::uint64_t seed = 0) {
  const std::size_t features = relations.features();
  require(compressed.pair && reference.features() == features && compressed.side.features() == features &&
              summaries.size() == features && measured.size() == features,
          "meanings are compared of a reference and a compressed model, with the statistics of each feature");
  meaning_findings out;
  out.features.resize(features);
  out.measured.assign(measured.begin(), measured.end());
  const std::vector<births::counters> frequent = compressed.pair->born.frequent();
  parallel_for((features + 63) / 64, [&](std::size_t block) {
    for (std::size_t j = block * 64; j < (std::min)(features, (block + 1) * 64); ++j) {
      feature_meaning& m = out.features[j];
      const auto here = reference.contexts()[j], there = compressed.side.contexts()[j];
      m.overlap = context_overlap(here, there);
      m.rank_overlap = rank_biased_overlap(context_keys(here), context_keys(there));
      m.divergence = divergence(reference.tokens(j), compressed.side.tokens(j));
      for (std::size_t h = 0; h < 2; ++h)
        m.half_divergence[h] = divergence(reference.half(j, h), compressed.side.half(j, h));
      m.control = reference.divergence_of_halves(j);
      m.previous_divergence = divergence(reference.tokens(j, true), compressed.side.tokens(j, true));
      m.previous_control = reference.divergence_of_halves(j, true);
      const double misses = summaries[j].reference_firings - summaries[j].both_firings;
      m.moved = std::numeric_limits<double>::quiet_NaN();
      if (misses > 0.0)
        detail::find_move(m, relations.neighbors(j), compressed.pair->born.of_neighbors(relations, j), misses);
      if (!frequent.empty())
        for (const bounded_count& b : frequent[j].top(5)) {
          const double born = summaries[b.key].compressed_firings - summaries[b.key].both_firings;
          m.born_instead.push_back({b.key, b.count, b.error,
                                    static_cast<double>(b.count - b.error) * summaries[j].tokens / (misses * born)});
        }
      m.family = relations.family_of(j);
      m.family_r = relations.has_direction(j) ? summaries[j].r : std::numeric_limits<double>::quiet_NaN();
    }
  });

  const auto tokens = summaries.empty() ? std::uint64_t{0} : static_cast<std::uint64_t>(summaries.front().tokens);
  const std::vector<comoments> of_families = compressed.pair->families.total(tokens);
  for (const feature_relations::family& family : relations.larger_families()) {
    ++out.families;
    out.in_families += family.members.size();
    for (std::size_t m = 0; m < family.members.size(); ++m)
      out.features[family.members[m]].family_r = pearson(of_families[family.first + m]);
  }

  std::vector<double> divergences, controls, previous, previous_controls, r_on, nu;
  std::vector<std::uint32_t> family_of;
  for (std::size_t j = 0; j < features; ++j) {
    divergences.push_back(out.features[j].divergence);
    controls.push_back(out.features[j].control);
    previous.push_back(out.features[j].previous_divergence);
    previous_controls.push_back(out.features[j].previous_control);
    r_on.push_back(summaries[j].common_support_r);
    // Two features whose r is nearly 0 have a noise to signal of hundreds, and would decide the ICC alone.
    if (measured[j] == 0 || !(summaries[j].noise_to_signal < 4.0)) continue;
    nu.push_back(summaries[j].noise_to_signal);
    family_of.push_back(relations.family_of(j));
  }
  out.current = count_drift(divergences, controls, r_on, measured);
  out.previous = count_drift(previous, previous_controls, r_on, measured);
  out.icc_features = nu.size();
  out.icc = intraclass_correlation(nu, family_of);
  out.icc_p = intraclass_p(nu, family_of, 999, seed);
  std::vector<double> nu_of_kin;
  std::vector<std::uint32_t> family_of_kin;
  for (std::size_t i = 0; i < nu.size(); ++i) {
    if (std::ranges::count(family_of, family_of[i]) < 2) continue;
    nu_of_kin.push_back(nu[i]);
    family_of_kin.push_back(family_of[i]);
  }
  out.kin = nu_of_kin.size();
  out.icc_of_kin = intraclass_correlation(nu_of_kin, family_of_kin);
  out.icc_of_kin_p = intraclass_p(nu_of_kin, family_of_kin, 999, seed);

  detail::choose_changed(out, reference, compressed.side, r_on);
  detail::choose_moved(out, compressed.pair->born, relations);
  return out;
}

}  // namespace qfa

#endif

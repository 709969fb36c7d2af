// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_PREDICT_FOLDS_HPP
#define QFA_PREDICT_FOLDS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

namespace detail {

/// A number that depends on seed and index alone and looks random: both run through the finalizer of SplitMix64
/// (Steele, Lea and Flood 2014).  Standard shuffles and distributions differ between libraries; this does not.
constexpr std::uint64_t scatter(std::uint64_t seed, std::uint64_t index) noexcept {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  };
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
  return mix(mix(seed + golden) + (index + 1) * golden);
}

/// Throws unless there are at least two folds and each can have both classes.
inline void check_folds(std::span<const std::uint8_t> positive, std::uint32_t folds) {
  require(folds >= 2, "cross-validation needs at least two folds");
  const auto positives =
      static_cast<std::size_t>(std::count_if(positive.begin(), positive.end(), [](std::uint8_t y) { return y != 0; }));
  require(positives >= folds && positive.size() - positives >= folds,
          "cross-validation needs at least as many rows of each class as folds");
}

}  // namespace detail

/// The fold in which each row is held out, 0 to folds - 1, drawn so that every fold holds the same number of each
/// class, give or take one, and of rows, give or take one.  The same on every machine; throws where a class has fewer
/// rows than there are folds.
///
/// Each class is put into the order of its rows' random numbers and cut into `folds` runs; the longer runs of the
/// second class follow, fold by fold, on those of the first.  Runs, and not one row to each fold in turn: a row whose
/// label changes then moves no more than the ends of runs, and the replicates of a jackknife keep nearly their folds.
inline std::vector<std::uint32_t> stratified_folds(std::span<const std::uint8_t> positive, std::uint32_t folds,
                                                   std::uint64_t seed) {
  detail::check_folds(positive, folds);
  std::vector<std::uint32_t> fold_of(positive.size());
  std::vector<std::pair<std::uint64_t, std::size_t>> deck;
  std::size_t longer_from = 0;  // the fold from which on longer runs are due
  for (const bool label : {false, true}) {
    deck.clear();
    for (std::size_t r = 0; r < positive.size(); ++r)
      if ((positive[r] != 0) == label) deck.emplace_back(detail::scatter(seed, r), r);
    std::sort(deck.begin(), deck.end());
    const std::size_t longer = deck.size() % folds;
    auto card = deck.begin();
    for (std::uint32_t f = 0; f < folds; ++f) {
      const bool has_one_more = (f + folds - longer_from) % folds < longer;
      for (std::size_t i = 0; i < deck.size() / folds + (has_one_more ? 1 : 0); ++i, ++card)
        fold_of[card->second] = f;
    }
    longer_from = (longer_from + longer) % folds;
  }
  return fold_of;
}

/// Folds that keep families together: rows of one family are near-duplicates, and a model that has seen one has seen
/// them all.  family_of: any number for each row, equal for members.  Families, the largest first (equals in random
/// order), go to the fold that this leaves the most even in both classes.  A class may be missing from a fold where
/// families are large.  Throws where a class has fewer rows than there are folds.
inline std::vector<std::uint32_t> grouped_folds(std::span<const std::uint32_t> family_of,
                                                std::span<const std::uint8_t> positive, std::uint32_t folds,
                                                std::uint64_t seed) {
  require(family_of.size() == positive.size(), "grouped_folds needs a family and a label for each row");
  detail::check_folds(positive, folds);
  using by_class = std::array<double, 2>;
  std::map<std::uint32_t, by_class> families;
  by_class total{};
  for (std::size_t r = 0; r < positive.size(); ++r) {
    const std::size_t label = positive[r] != 0 ? 1 : 0;
    ++families[family_of[r]][label];
    ++total[label];
  }
  struct entry {
    double size;
    std::uint64_t draw;
    std::uint32_t family;
    by_class members;
  };
  std::vector<entry> largest_first;
  for (const auto& [family, members] : families)
    largest_first.push_back({members[0] + members[1], detail::scatter(seed, family), family, members});
  std::sort(largest_first.begin(), largest_first.end(), [](const entry& a, const entry& b) {
    return a.size != b.size ? a.size > b.size : std::pair(a.draw, a.family) < std::pair(b.draw, b.family);
  });

  // Shares s of a class that add up to 1 are most even where their squares add up to least; m more members of a class
  // of n raise its sum of squares by (2 s + m / n) m / n.  Where that decides nothing, the emptiest fold is next.
  std::vector<by_class> load(folds, by_class{});
  std::map<std::uint32_t, std::uint32_t> fold_of_family;
  for (const entry& e : largest_first) {
    std::uint32_t best = 0;
    std::pair<double, double> least;
    for (std::uint32_t f = 0; f < folds; ++f) {
      double rise = 0.0;
      for (std::size_t label = 0; label < 2; ++label) {
        const double added = e.members[label] / total[label];
        rise += (2.0 * load[f][label] / total[label] + added) * added;
      }
      const std::pair<double, double> cost(rise, load[f][0] + load[f][1]);
      if (f == 0 || cost < least) {
        least = cost;
        best = f;
      }
    }
    for (std::size_t label = 0; label < 2; ++label)
      load[best][label] += e.members[label];
    fold_of_family[e.family] = best;
  }
  std::vector<std::uint32_t> fold_of(positive.size());
  for (std::size_t r = 0; r < positive.size(); ++r)
    fold_of[r] = fold_of_family.at(family_of[r]);
  return fold_of;
}

}  // namespace qfa

#endif

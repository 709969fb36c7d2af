// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SAE_FAMILIES_HPP
#define QFA_SAE_FAMILIES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/sae/cofirings.hpp"
#include "qfa/sae/decoder_cosines.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// What makes two features near-duplicates, and how large a family may be.
struct family_rules {
  double cosine_above = 0.7;    ///< of decoder rows, strictly
  double cofiring_above = 0.5;  ///< J_fire on the reference, strictly
  double largest_share = 0.05;  ///< of all features; larger families are cut
};

/// Why two features are of one family.
struct family_edge {
  std::uint32_t a = 0;  ///< the lesser
  std::uint32_t b = 0;
  double cosine = 0.0;  ///< NaN where a decoder row is zero

  bool operator==(const family_edge&) const = default;
};

namespace detail {

/// Sets of features that grow together; the least member stands for each.
class disjoint_sets {
 public:
  explicit disjoint_sets(std::size_t members) : parent_(members), size_(members, 1) {
    std::iota(parent_.begin(), parent_.end(), std::uint32_t{0});
  }
  std::uint32_t least(std::uint32_t x) noexcept {
    while (parent_[x] != x)
      x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  std::size_t size(std::uint32_t x) noexcept { return size_[least(x)]; }
  void unite(std::uint32_t x, std::uint32_t y) noexcept {
    x = least(x);
    y = least(y);
    if (x == y) return;
    if (y < x) std::swap(x, y);
    parent_[y] = x;
    size_[x] += size_[y];
  }

 private:
  std::vector<std::uint32_t> parent_;
  std::vector<std::size_t> size_;
};

}  // namespace detail

/// The edges between features: similar decoder rows (`similar`, of which those above `rules.cosine_above` count) and
/// features that fire together (`together`, by the tokens on which each fires).  By a, then b.  Throws where `firings`
/// is not of all features.
inline std::vector<family_edge> family_edges(const sae& s, std::span<const decoder_pair> similar,
                                             std::span<const cofiring_pair> together,
                                             std::span<const std::uint64_t> firings, const family_rules& rules = {}) {
  require(firings.size() == s.d_sae, "families need the firings of each feature");
  std::vector<family_edge> edges;
  for (const decoder_pair& p : similar)
    if (p.cosine > rules.cosine_above) edges.push_back({p.a, p.b, p.cosine});
  const std::vector<double> lengths = decoder_lengths(s);
  for (const cofiring_pair& p : together)
    if (cofiring_jaccard(p.tokens, firings[p.a], firings[p.b]) > rules.cofiring_above)
      edges.push_back({p.a, p.b, decoder_cosine(s, lengths, p.a, p.b)});
  const auto place = [](const family_edge& e) { return std::pair(e.a, e.b); };
  std::ranges::sort(edges, {}, place);
  // (clang 14 does not compile std::ranges::unique of a vector.)
  const auto same = [&](const family_edge& x, const family_edge& y) { return place(x) == place(y); };
  edges.erase(std::unique(edges.begin(), edges.end(), same), edges.end());
  return edges;
}

/// The family of each of `features` features: its least member.  Features without an edge are families of one.
///
/// Families are the connected components, but for those of more than `largest` members: these lose the edges of their
/// least cosine, again and again, until none is too large.  An undefined cosine is the least.
///
/// Done from the other end: edges join by falling cosine, all of one cosine at once, and where what they would join is
/// too large, they are among those that are lost.  Throws where `largest` is 0, and for an edge beyond the features.
inline std::vector<std::uint32_t> families_of(std::size_t features, std::span<const family_edge> edges,
                                              std::size_t largest) {
  require(largest > 0, "a family has at least one member");
  const auto closeness = [](const family_edge& e) {
    return std::isnan(e.cosine) ? -std::numeric_limits<double>::infinity() : e.cosine;
  };
  std::vector<family_edge> closest_first(edges.begin(), edges.end());
  std::ranges::stable_sort(closest_first, std::ranges::greater{}, closeness);
  detail::disjoint_sets all(features), families(features);
  for (auto first = closest_first.begin(); first != closest_first.end();) {
    const auto last = std::find_if(first, closest_first.end(),
                                   [&](const family_edge& e) { return closeness(e) != closeness(*first); });
    for (auto e = first; e != last; ++e) {
      require(e->a < features && e->b < features, "an edge of families names features of the dictionary");
      all.unite(e->a, e->b);
    }
    for (; first != last; ++first)
      if (all.size(first->a) <= largest) families.unite(first->a, first->b);
  }
  std::vector<std::uint32_t> family_of(features);
  for (std::size_t j = 0; j < features; ++j)
    family_of[j] = families.least(static_cast<std::uint32_t>(j));
  return family_of;
}

/// How many members a family may have, of a dictionary of `features`: the share, and one at least.  Throws where the
/// share is not in (0, 1].
inline std::size_t largest_family(std::size_t features, const family_rules& rules = {}) {
  require(rules.largest_share > 0.0 && rules.largest_share <= 1.0, "a family is a share of the features, above 0");
  return (std::max<std::size_t>)(1, static_cast<std::size_t>(
                                        std::floor(rules.largest_share * static_cast<double>(features))));
}

/// Families by similar decoder rows alone, where no codes are at hand to count what fires together.
inline std::vector<std::uint32_t> families_by_decoder(const sae& s, const family_rules& rules = {}) {
  const std::vector<std::uint64_t> none(s.d_sae, 0);
  const std::vector<family_edge> edges = family_edges(s, similar_features(s, rules.cosine_above), {}, none, rules);
  return families_of(s.d_sae, edges, largest_family(s.d_sae, rules));
}

/// All of it, where every block of the reference's codes is at hand, as `cofiring_features` takes them.
template <class BlockAt>
std::vector<std::uint32_t> find_families(const sae& s, std::size_t blocks, BlockAt block_at,
                                         std::span<const std::uint64_t> firings, const family_rules& rules = {}) {
  const std::vector<decoder_pair> similar = similar_features(s, rules.cosine_above);
  const std::vector<cofiring_pair> together =
      cofiring_features(blocks, block_at, s.d_sae, firings, rules.cofiring_above);
  const std::vector<family_edge> edges = family_edges(s, similar, together, firings, rules);
  return families_of(s.d_sae, edges, largest_family(s.d_sae, rules));
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_FEATURE_RELATIONS_HPP
#define QFA_MEANING_FEATURE_RELATIONS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/sae/decoder_cosines.hpp"
#include "qfa/sae/sae.hpp"

namespace qfa {

/// Where a feature's firings may have moved to: to features whose decoder rows have a cosine above this.
inline constexpr double neighbor_cosine = 0.5;

/// Which features are alike, known before compressed models are seen: each feature's neighbors, and families.
///
/// Memory: 4 bytes for a neighbor, and 8 for every two members of a family.
class feature_relations {
 public:
  /// `similar`: the pairs of the dictionary's features with a cosine above `neighbor_cosine`.  `family_of`: the least
  /// member of each feature's family (sae/families.hpp).  Throws where there is not one family for each feature.
  feature_relations(const sae& dictionary, std::span<const decoder_pair> similar, std::vector<std::uint32_t> family_of)
      : first_neighbor_(dictionary.d_sae + 1, 0), family_of_(std::move(family_of)) {
    require(family_of_.size() == dictionary.d_sae, "each feature of the dictionary needs a family");
    std::vector<std::pair<std::uint32_t, std::uint32_t>> directed;
    for (const decoder_pair& p : similar)
      if (p.cosine > neighbor_cosine) {
        directed.emplace_back(p.a, p.b);
        directed.emplace_back(p.b, p.a);
      }
    std::ranges::sort(directed);
    for (const auto& [from, to] : directed) {
      ++first_neighbor_[from + 1];
      neighbors_.push_back(to);
    }
    for (std::size_t j = 0; j + 1 < first_neighbor_.size(); ++j)
      first_neighbor_[j + 1] += first_neighbor_[j];
    find_families(dictionary);
  }

  std::size_t features() const noexcept { return family_of_.size(); }

  /// Features with a cosine above `neighbor_cosine` to this one, increasing.
  std::span<const std::uint32_t> neighbors(std::size_t feature) const noexcept {
    return std::span(neighbors_)
        .subspan(first_neighbor_[feature], first_neighbor_[feature + 1] - first_neighbor_[feature]);
  }
  /// The first one's place in a list of all features' neighbors, `all_neighbors()` long.
  std::size_t first_neighbor(std::size_t feature) const noexcept { return first_neighbor_[feature]; }
  std::size_t all_neighbors() const noexcept { return neighbors_.size(); }

  /// Its family's least member.
  std::uint32_t family_of(std::size_t feature) const noexcept { return family_of_[feature]; }
  std::span<const std::uint32_t> families() const& noexcept { return family_of_; }

  /// Whether its decoder row is not zero, so that there is a direction that its family may write.
  bool has_direction(std::size_t feature) const noexcept { return has_direction_[feature] != 0; }

  /// A family of two or more.
  struct family {
    std::vector<std::uint32_t> members;  ///< increasing
    std::vector<double> weights;         ///< (members, members): |w_k| cos(w_j, w_k) for j, then k; 0 for a zero row
    std::size_t first = 0;               ///< its members' place in a list of all families' members
  };
  /// By their least members.
  std::span<const family> larger_families() const noexcept { return larger_; }
  std::size_t all_members() const noexcept {
    return larger_.empty() ? 0 : larger_.back().first + larger_.back().members.size();
  }

 private:
  void find_families(const sae& dictionary) {
    std::vector<std::vector<std::uint32_t>> members(features());
    for (std::uint32_t j = 0; j < features(); ++j)
      members.at(family_of_[j]).push_back(j);
    const std::vector<double> lengths = decoder_lengths(dictionary);
    for (const double length : lengths)
      has_direction_.push_back(length > 0.0);
    for (std::vector<std::uint32_t>& of_family : members) {
      if (of_family.size() < 2) continue;
      family f{.members = std::move(of_family), .weights = {}, .first = all_members()};
      for (const std::uint32_t j : f.members)
        for (const std::uint32_t k : f.members) {
          const double cosine = decoder_cosine(dictionary, lengths, j, k);
          f.weights.push_back(lengths[j] > 0.0 && lengths[k] > 0.0 ? lengths[k] * cosine : 0.0);
        }
      larger_.push_back(std::move(f));
    }
  }

  std::vector<std::size_t> first_neighbor_;  // (features + 1)
  std::vector<std::uint32_t> neighbors_;
  std::vector<std::uint32_t> family_of_;
  std::vector<std::uint8_t> has_direction_;
  std::vector<family> larger_;
};

}  // namespace qfa

#endif

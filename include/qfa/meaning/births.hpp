// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_BIRTHS_HPP
#define QFA_MEANING_BIRTHS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/firings_by_feature.hpp"
#include "qfa/stats/group_tree.hpp"
#include "qfa/stats/row_groups.hpp"
#include "qfa/stats/space_saving.hpp"

namespace qfa {

/// Which features are born where others are missed: b_jk, the tokens with x_j > 0, y_j = 0, x_k = 0, y_k > 0,
/// gathered row by row.
///
/// Of each j the most frequent k have counters with a bounded error (stats/space_saving.hpp, 64 of them), and its
/// neighbors exact ones, over the even and the odd groups of rows apart: what is chosen for its count is to be judged
/// on rows that did not choose it.  Memory: 16 bytes a neighbor and a feature, and 768 bytes a feature that is missed,
/// for each of at most about seven runs of groups (stats/group_tree.hpp).
class births {
 public:
  using counters = space_saving<64>;

  /// The empty one: merging into it adopts the other's features.
  births() = default;
  births(const row_groups& groups, const feature_relations& relations)
      : of_neighbors_(2 * relations.all_neighbors(), 0),
        missed_(2 * relations.features(), 0),
        frequent_(groups),
        features_(relations.features()) {}

  /// Codes of whole rows of equally many tokens on both sides, and the group of each row.  Throws where they are not,
  /// or are of another dictionary.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, const feature_relations& relations,
                  std::span<const std::uint32_t> group_of_row) {
    require(!group_of_row.empty() && reference.tokens() == compressed.tokens() &&
                reference.tokens() % group_of_row.size() == 0 && reference.width() == features_ &&
                compressed.width() == features_ && 2 * relations.all_neighbors() == of_neighbors_.size(),
            "births are counted on whole rows of the same tokens, of one dictionary");
    const std::size_t step = reference.tokens() / group_of_row.size();
    for (std::size_t first = 0; first < group_of_row.size();) {
      std::size_t last = first + 1;
      while (last < group_of_row.size() && group_of_row[last] == group_of_row[first])
        ++last;
      count(reference, compressed, relations, first * step, last * step, group_of_row[first] % 2,
            frequent_[group_of_row[first]]);
      frequent_.rows_seen(group_of_row[first], last - first);
      first = last;
    }
  }

  /// Throws for births of other features or neighbors.
  births& operator+=(const births& other) {
    if (other.features_ == 0) return *this;
    if (features_ == 0) return *this = other;
    require(features_ == other.features_ && of_neighbors_.size() == other.of_neighbors_.size(),
            "births merge only with those of the same features");
    for (std::size_t i = 0; i < of_neighbors_.size(); ++i)
      of_neighbors_[i] += other.of_neighbors_[i];
    for (std::size_t i = 0; i < missed_.size(); ++i)
      missed_[i] += other.missed_[i];
    frequent_ += other.frequent_;
    return *this;
  }

  /// b_jk of j's neighbors, in their order, over the even (half 0) or odd (half 1) groups of rows.
  std::span<const std::uint64_t> of_neighbors(const feature_relations& relations, std::size_t feature,
                                              std::size_t half) const noexcept {
    return std::span(of_neighbors_)
        .subspan(half * relations.all_neighbors() + relations.first_neighbor(feature),
                 relations.neighbors(feature).size());
  }
  /// Over all rows.
  std::vector<std::uint64_t> of_neighbors(const feature_relations& relations, std::size_t feature) const {
    const std::span<const std::uint64_t> even = of_neighbors(relations, feature, 0);
    const std::span<const std::uint64_t> odd = of_neighbors(relations, feature, 1);
    std::vector<std::uint64_t> all(even.begin(), even.end());
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] += odd[i];
    return all;
  }
  /// Tokens of the half on which the feature fires in the reference and is missed.
  std::uint64_t missed(std::size_t feature, std::size_t half) const noexcept {
    return missed_[half * features_ + feature];
  }
  /// The most frequent births of every feature; empty where nothing has been seen.
  std::vector<counters> frequent() const { return frequent_.total().of; }

  bool operator==(const births&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.of_neighbors_, self.missed_, self.frequent_, self.features_);
  }

 private:
  /// Counters of every feature, over some groups.
  struct features_counters {
    std::vector<counters> of{};  // (features); empty before the first row

    features_counters& operator+=(const features_counters& other) {
      if (other.of.empty()) return *this;
      if (of.empty()) return *this = other;
      parallel_for((of.size() + block - 1) / block, [&](std::size_t b) {
        for (std::size_t j = b * block; j < (std::min)(of.size(), (b + 1) * block); ++j)
          of[j] += other.of[j];
      });
      return *this;
    }
    bool operator==(const features_counters&) const = default;

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.of);
    }
  };

  static constexpr std::size_t block = 64;  // features that a thread takes at a time

  void count(const sparse_codes& reference, const sparse_codes& compressed, const feature_relations& relations,
             std::size_t first, std::size_t last, std::size_t half, features_counters& in_group) {
    sparse_codes missed(features_), born(features_);
    for (std::size_t t = first; t < last; ++t) {
      push_difference(reference[t], compressed[t].features, missed);
      push_difference(compressed[t], reference[t].features, born);
    }
    in_group.of.resize(features_);
    const firings_by_feature missed_by(missed);
    parallel_for((features_ + block - 1) / block, [&](std::size_t b) {
      for (std::size_t j = b * block; j < (std::min)(features_, (b + 1) * block); ++j) {
        const std::span<const std::uint32_t> neighbors = relations.neighbors(j);
        std::uint64_t* const to =
            of_neighbors_.data() + half * relations.all_neighbors() + relations.first_neighbor(j);
        missed_[half * features_ + j] += missed_by[j].size();
        for (const auto& miss : missed_by[j]) {
          const std::span<const std::uint32_t> here = born[miss.token].features;
          for (const std::uint32_t k : here)
            in_group.of[j](k);
          for (std::size_t i = 0; i < neighbors.size(); ++i)
            to[i] += std::ranges::binary_search(here, neighbors[i]);
        }
      }
    });
  }

  /// One more token: what fires in `token` and not in `other`.
  static void push_difference(const sparse_codes::token& token, std::span<const std::uint32_t> other,
                              sparse_codes& to) {
    auto at = other.begin();
    for (std::size_t i = 0; i < token.features.size(); ++i) {
      while (at != other.end() && *at < token.features[i])
        ++at;
      if (at == other.end() || *at != token.features[i]) to.push(token.features[i], token.values[i]);
    }
    to.end_token();
  }

  std::vector<std::uint64_t> of_neighbors_;  // (halves, all neighbors of the relations)
  std::vector<std::uint64_t> missed_;        // (halves, features)
  group_tree<features_counters> frequent_;
  std::size_t features_ = 0;
};

static_assert(mergeable<births, const sparse_codes&, const sparse_codes&, const feature_relations&,
                        std::span<const std::uint32_t>>);

}  // namespace qfa

#endif

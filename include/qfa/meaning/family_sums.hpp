// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_FAMILY_SUMS_HPP
#define QFA_MEANING_FAMILY_SUMS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/exact.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/firings_by_feature.hpp"
#include "qfa/stats/comoments.hpp"
#include "qfa/stats/group_sums.hpp"

namespace qfa {

/// What families carry on both sides: for each feature j of a family of two or more, the co-moments over tokens of
///
///   X_j = sum over k in the family, j too, of x_k |w_k| cos(w_j, w_k)
///
/// and Y_j likewise: how much of the direction w_j the family writes.  Where a near-duplicate takes over, Y_j stays
/// what X_j was, and j has only changed its name.
///
/// Only tokens on which the family fires on either side are visited; the others are zeros.  Sums are kept by groups of
/// rows: 48 bytes for each group and member of a larger family.
class family_sums {
 public:
  /// The empty one: merging into it adopts the other's groups.
  family_sums() = default;
  explicit family_sums(std::size_t groups) : sums_(groups) {}

  /// Codes of whole rows of equally many tokens on both sides, and the group of each row.  Throws where they are not,
  /// or are of another dictionary.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, const feature_relations& relations,
                  std::span<const std::uint32_t> group_of_row) {
    require(!group_of_row.empty() && reference.tokens() == compressed.tokens() &&
                reference.tokens() % group_of_row.size() == 0 && reference.width() == relations.features() &&
                compressed.width() == relations.features(),
            "families are summed up on whole rows of the same tokens, of one dictionary");
    const std::size_t step = reference.tokens() / group_of_row.size();
    for (const std::uint32_t group : group_of_row)
      sums_[group].of.resize(relations.all_members());
    const firings_by_feature x(reference), y(compressed);
    parallel_for(relations.larger_families().size(), [&](std::size_t f) {
      const feature_relations::family& family = relations.larger_families()[f];
      std::vector<entry> fired;
      for (std::uint32_t m = 0; m < family.members.size(); ++m)
        for (const bool ours : {true, false})
          for (const auto& [token, value] : (ours ? x : y)[family.members[m]])
            fired.push_back({token, m, ours, static_cast<double>(value)});
      std::ranges::sort(fired, {}, [](const entry& e) { return std::tuple(e.token, e.member, e.of_reference); });
      for (auto first = fired.begin(); first != fired.end();) {
        const auto last = std::find_if(first, fired.end(), [&](const entry& e) { return e.token != first->token; });
        comoments* const to = sums_[group_of_row[first->token / step]].of.data() + family.first;
        add_token(family, {first, last}, to);
        first = last;
      }
    });
  }

  /// Throws for another number of groups.
  family_sums& operator+=(const family_sums& other) {
    sums_ += other.sums_;
    return *this;
  }

  /// The co-moments of every member of a larger family, in the order of the relations, over `tokens` tokens.
  std::vector<comoments> total(std::uint64_t tokens) const {
    std::vector<comoments> all = sums_.total().of;
    for (comoments& c : all)
      c.add_zeros(tokens - c.count);
    return all;
  }

  bool operator==(const family_sums&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.sums_);
  }

 private:
  struct entry {
    std::uint32_t token = 0;
    std::uint32_t member = 0;
    bool of_reference = false;
    double value = 0.0;
  };

  struct member_sums {
    std::vector<comoments> of{};  // (members of larger families); empty before the first row

    member_sums& operator+=(const member_sums& other) {
      if (other.of.empty()) return *this;
      if (of.empty()) return *this = other;
      for (std::size_t i = 0; i < of.size(); ++i)
        of[i] += other.of[i];
      return *this;
    }
    bool operator==(const member_sums&) const = default;

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.of);
    }
  };

  static void add_token(const feature_relations::family& family, std::span<const entry> fired, comoments* to) {
    const std::size_t members = family.members.size();
    for (std::size_t j = 0; j < members; ++j) {
      double x = 0.0, y = 0.0;
      for (const entry& e : fired)
        (e.of_reference ? x : y) += rounded_product(family.weights[j * members + e.member], e.value);
      to[j](x, y);
    }
  }

  group_sums<member_sums> sums_;
};

static_assert(mergeable<family_sums, const sparse_codes&, const sparse_codes&, const feature_relations&,
                        std::span<const std::uint32_t>>);

}  // namespace qfa

#endif

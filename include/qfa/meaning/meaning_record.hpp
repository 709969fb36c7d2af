// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_MEANING_MEANING_RECORD_HPP
#define QFA_MEANING_MEANING_RECORD_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "qfa/core/mergeable.hpp"
#include "qfa/meaning/births.hpp"
#include "qfa/meaning/family_sums.hpp"
#include "qfa/meaning/feature_relations.hpp"
#include "qfa/meaning/placed_tokens.hpp"
#include "qfa/meaning/side_meanings.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// What became of firings between two models on the same tokens.
struct moved_firings {
  births born{};
  family_sums families{};

  moved_firings() = default;
  moved_firings(const row_groups& groups, const feature_relations& relations)
      : born(groups, relations), families(groups.groups()) {}

  /// Codes of whole rows of equally many tokens on both sides, and the group of each row.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, const feature_relations& relations,
                  std::span<const std::uint32_t> group_of_row) {
    born(reference, compressed, relations, group_of_row);
    families(reference, compressed, relations, group_of_row);
  }

  moved_firings& operator+=(const moved_firings& other) {
    born += other.born;
    families += other.families;
    return *this;
  }

  bool operator==(const moved_firings&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.born, self.families);
  }
};

static_assert(mergeable<moved_firings, const sparse_codes&, const sparse_codes&, const feature_relations&,
                        std::span<const std::uint32_t>>);

/// Everything that a pass of one model leaves behind of what its features mean.
struct meaning_record {
  side_meanings side{};
  std::optional<moved_firings> pair{};  ///< against the reference; none of the reference itself

  meaning_record& operator+=(const meaning_record& other) {
    side += other.side;
    if (pair && other.pair)
      *pair += *other.pair;
    else if (other.pair)
      pair = other.pair;
    return *this;
  }

  bool operator==(const meaning_record&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.side, self.pair);
  }
};

}  // namespace qfa

#endif

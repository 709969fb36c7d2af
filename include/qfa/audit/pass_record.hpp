// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_PASS_RECORD_HPP
#define QFA_AUDIT_PASS_RECORD_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "qfa/audit/layout.hpp"
#include "qfa/audit/pair_record.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/row_cosines.hpp"
#include "qfa/audit/shift_record.hpp"
#include "qfa/audit/side_record.hpp"
#include "qfa/audit/token_percentiles.hpp"
#include "qfa/audit/token_record.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/archive.hpp"
#include "qfa/meaning/meaning_record.hpp"
#include "qfa/model/compress.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/sae/cofirings.hpp"
#include "qfa/stats/feature_table.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// Everything that a pass of one model over an audit's rows, or over some groups of them, leaves behind.
///
/// Records of different groups merge without rounding, in any order: processes that share the rows at the boundaries of
/// groups end with the bits of a single one, and so does a pass that was interrupted and went on from its record.
struct pass_record {
  std::string name{};              ///< the condition's
  row_groups groups{};             ///< of the rows of the whole
  std::size_t row_tokens = 0;      ///< BOS included
  std::size_t skip_positions = 0;  ///< of each row, in no statistic
  feature_table table{};
  side_record side{};
  std::optional<pair_record> pair{};        ///< against the reference; none of the reference itself
  row_cosines cosines{};                    ///< of the codes with the reference's, row by row; none of itself
  std::optional<shift_record> shift{};      ///< how far activations moved from the reference's, in a paired audit
  std::optional<token_record> tokens{};     ///< damage token by token, where it is asked for
  std::optional<meaning_record> meaning{};  ///< where the audit compares what features mean
  std::vector<cofiring_pair> cofirings{};   ///< of a count that finds families, and nothing else
  std::vector<comparison_sum> losses{};     ///< of each row of the whole; empty where no model is run
  token_losses spread{};                    ///< the same losses by token, without their rows
  std::vector<compressed_tensor> tensors{};
  std::optional<pruning_match> match{};
  std::optional<audited_cache> cache{};
  std::vector<std::string> warnings{};
  bool calibrated = false;  ///< whether its policy learned from rows

  pass_record() = default;
  /// Nothing seen yet, of rows as `layout` has them, by a dictionary of `width` features.
  pass_record(std::string condition, const token_layout& layout, std::size_t width)
      : name(std::move(condition)),
        groups(layout.groups()),
        row_tokens(layout.row_tokens),
        skip_positions(layout.skip_positions),
        table(width, groups.groups()),
        side(groups.groups()) {}

  std::size_t kept_per_row() const noexcept { return row_tokens - skip_positions; }
  /// Whether every row of the group has been seen.
  bool covers(std::size_t group) const noexcept {
    return table.tokens(group) ==
           (groups.first_row_of(group + 1) - groups.first_row_of(group)) * std::uint64_t{kept_per_row()};
  }
  bool complete() const noexcept {
    for (std::size_t g = 0; g < groups.groups(); ++g)
      if (!covers(g)) return false;
    return table.groups() > 0;
  }

  /// Adds the scores of consecutive rows from `first_row` on, (rows, tokens_per_row).  Throws where they are no whole
  /// rows, or go beyond the last row.
  void add_losses(std::size_t first_row, std::span<const token_comparison> scores, std::size_t tokens_per_row) {
    require(tokens_per_row > 0 && scores.size() % tokens_per_row == 0 &&
                first_row + scores.size() / tokens_per_row <= groups.rows(),
            "losses come in whole rows");
    losses.resize(groups.rows());
    for (std::size_t i = 0; i < scores.size(); ++i) {
      losses[first_row + i / tokens_per_row](scores[i]);
      spread(scores[i]);
    }
  }

  /// Adds another process's groups.  What is said once of a condition is taken from whoever says it.  Throws where both
  /// have rows of one group, and where they are no records of one pass.
  pass_record& operator+=(const pass_record& other) {
    if (other.table.groups() == 0) return *this;
    if (table.groups() == 0) return *this = other;
    if (name != other.name || groups != other.groups || row_tokens != other.row_tokens ||
        skip_positions != other.skip_positions)
      fail("the records of \"" + name + "\" and \"" + other.name + "\" are not of one pass over the same rows");
    for (std::size_t g = 0; g < groups.groups(); ++g)
      if (table.tokens(g) > 0 && other.table.tokens(g) > 0)
        fail("two records of \"" + name + "\" both hold rows of group " + std::to_string(g) +
             ": each group belongs to one of them");
    table += other.table;
    side += other.side;
    merge(pair, other.pair);
    cosines += other.cosines;
    merge(shift, other.shift);
    merge(tokens, other.tokens);
    merge(meaning, other.meaning);
    cofirings = merge_cofirings(cofirings, other.cofirings);
    add_each(losses, other.losses);
    spread += other.spread;
    if (tensors.empty()) tensors = other.tensors;
    if (!match) match = other.match;
    if (!cache) cache = other.cache;
    if (warnings.empty()) warnings = other.warnings;
    calibrated = calibrated || other.calibrated;
    return *this;
  }

  /// The same by fewer groups of its rows, each of them whole ones of these.  What is concluded without groups, as
  /// meanings are, stays.
  pass_record joined(const row_groups& fewer) const {
    pass_record out = *this;
    const std::vector<std::uint32_t> places = groups.places_among(fewer);
    out.groups = fewer;
    out.table = table.joined(places);
    out.side = side.joined(places);
    if (shift) out.shift = shift->joined(places);
    if (tokens) out.tokens = tokens->joined(fewer);
    return out;
  }

  /// For archives (io/archive.hpp).  Reading throws where groups are not the same.
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.name, self.groups, self.row_tokens, self.skip_positions, self.table, self.side, self.pair,
            self.cosines, self.shift, self.tokens, self.meaning, self.cofirings, self.losses, self.spread, self.tensors,
            self.match, self.cache, self.warnings, self.calibrated);
    if constexpr (Archive::reads)
      require(self.table.groups() == 0 || self.table.groups() == self.groups.groups(),
              "a saved record is of other groups than its table");
  }

 private:
  template <class Part>
  static void merge(std::optional<Part>& mine, const std::optional<Part>& theirs) {
    if (mine && theirs)
      *mine += *theirs;
    else if (theirs)
      mine = theirs;
  }
};

namespace detail {

template <class Self, class T>
concept is_a = std::same_as<std::remove_const_t<Self>, T>;

}  // namespace detail

// What records hold of layers that know of no archives.
template <detail::is_a<tensor_info> Self, class Archive>
void archive_members(Self& self, Archive& archive) {
  archive(self.name, self.layer, self.role, self.heads, self.head_dim, self.layers);
}
template <detail::is_a<compressed_tensor> Self, class Archive>
void archive_members(Self& self, Archive& archive) {
  archive(self.info, self.weights, self.change, self.stored_bits, self.policy);
}
template <detail::is_a<pruning_match> Self, class Archive>
void archive_members(Self& self, Archive& archive) {
  archive(self.matched_to, self.method, self.target, self.reached, self.sparsity, self.rows, self.same_rows,
          self.within_tolerance, self.tolerance, self.trials, self.reference, self.across);
}

template <detail::is_a<audited_cache> Self, class Archive>
void archive_members(Self& self, Archive& archive) {
  archive(self.name, self.first_call, self.calls, self.bits_per_element);
}

/// A record's archive is of this kind and version.
inline constexpr std::string_view pass_record_kind = "record of a pass";
inline constexpr std::uint32_t pass_record_version = 7;

/// A record as bytes, to be kept or sent: equal records give equal bytes.
inline std::vector<std::byte> to_bytes(const pass_record& record) {
  archive_writer out(pass_record_kind, pass_record_version);
  out(record);
  return std::move(out).finish();
}

/// And back.  `where` names the bytes in sentences.  Throws where they are cut short, damaged, or something else.
inline pass_record pass_record_from(std::span<const std::byte> bytes, std::string where) {
  archive_reader in(bytes, pass_record_kind, pass_record_version, std::move(where));
  pass_record record;
  in(record);
  in.finish();
  return record;
}

}  // namespace qfa

#endif

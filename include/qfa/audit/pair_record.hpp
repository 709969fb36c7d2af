// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_PAIR_RECORD_HPP
#define QFA_AUDIT_PAIR_RECORD_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/reconstruction_sums.hpp"
#include "qfa/stats/group_sums.hpp"

namespace qfa {

/// What came or went between two models on the same tokens, gathered block by block: firings, and where both sides'
/// activations are at hand, how far they moved.  The first analyzed position of the rows is told apart.
///
/// Firings are counted; distances are added token by token to the sums of the row's group: the bits do not depend on
/// where blocks are cut, and records of different groups merge without rounding.
class pair_record {
 public:
  /// The empty one: merging into it adopts the other's groups.
  pair_record() = default;
  explicit pair_record(std::size_t groups) : moved_(groups) {}

  /// Codes of whole rows of equally many tokens, `rows` of them.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, std::size_t rows) {
    require(rows > 0 && reference.tokens() == compressed.tokens() && compressed.tokens() % rows == 0,
            "two sides are compared on whole rows of the same tokens");
    const std::size_t step = compressed.tokens() / rows;
    for (std::size_t t = 0; t < compressed.tokens(); ++t) {
      const std::uint64_t flips = flips_of(reference[t].features, compressed[t].features);
      flips_ += flips;
      if (t % step == 0) first_flips_ += flips;
    }
  }

  /// Activations of whole rows, and the group of each row.
  void measure_shift(matrix_view<const float> reference, matrix_view<const float> compressed,
                     std::span<const std::uint32_t> group_of_row) {
    require(!group_of_row.empty() && reference.rows() == compressed.rows() &&
                reference.columns() == compressed.columns() && compressed.rows() % group_of_row.size() == 0,
            "two sides are compared on whole rows of the same tokens");
    const std::size_t step = compressed.rows() / group_of_row.size();
    for (std::size_t t = 0; t < compressed.rows(); ++t) {
      shift_sums& sums = moved_[group_of_row[t / step]];
      if (sums.by.empty()) sums.by.assign(compressed.columns(), 0.0);
      double squares = 0.0;
      for (std::size_t i = 0; i < compressed.columns(); ++i) {
        const double d = static_cast<double>(compressed(t, i)) - static_cast<double>(reference(t, i));
        squares += d * d;
        sums.by[i] += d;
      }
      sums.squares += squares;
      if (t % step == 0) sums.first_squares += squares;
    }
  }

  pair_record& operator+=(const pair_record& other) {
    flips_ += other.flips_;
    first_flips_ += other.first_flips_;
    moved_ += other.moved_;
    return *this;
  }

  /// The first position's share of all firings that came or went; NaN where none did.
  double first_flip_share() const noexcept {
    return detail::quotient(static_cast<double>(first_flips_), static_cast<double>(flips_));
  }
  /// The first position's share of the distance moved; NaN where nothing moved.
  double first_shift_share() const {
    const shift_sums all = moved_.total();
    return detail::quotient(all.first_squares, all.squares);
  }
  /// Over `tokens` tokens, on which the reference's activations have the sum of squares `energy`.
  activation_shift shift(std::uint64_t tokens, double energy) const {
    const shift_sums all = moved_.total();
    const auto n = static_cast<double>(tokens);
    double mean_square = 0.0;
    for (const double sum : all.by)
      mean_square += (sum / n) * (sum / n);
    return {.energy = all.squares / n,
            .relative = detail::quotient(all.squares, energy),
            .mean_shift_share = detail::quotient(mean_square, all.squares / n)};
  }

  bool operator==(const pair_record&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.flips_, self.first_flips_, self.moved_);
  }

 private:
  /// D = h~ - h over some tokens.
  struct shift_sums {
    double squares = 0.0;        // sum of |D|^2
    double first_squares = 0.0;  // that of the first positions
    std::vector<double> by{};    // (d): sum of D; empty before the first token

    shift_sums& operator+=(const shift_sums& other) {
      if (other.by.empty()) return *this;
      if (by.empty()) return *this = other;
      squares += other.squares;
      first_squares += other.first_squares;
      for (std::size_t i = 0; i < by.size(); ++i)
        by[i] += other.by[i];
      return *this;
    }
    bool operator==(const shift_sums&) const = default;

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.squares, self.first_squares, self.by);
    }
  };

  /// Features in one of a token's two lists but not in both.
  static std::uint64_t flips_of(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) noexcept {
    std::size_t common = 0;
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      common += a[i] == b[j];
      const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
      i += step_a;
      j += step_b;
    }
    return a.size() + b.size() - 2 * common;
  }

  std::uint64_t flips_ = 0;
  std::uint64_t first_flips_ = 0;
  group_sums<shift_sums> moved_;
};

static_assert(mergeable<pair_record, const sparse_codes&, const sparse_codes&, std::size_t>);

}  // namespace qfa

#endif

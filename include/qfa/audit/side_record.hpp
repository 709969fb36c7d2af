// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_SIDE_RECORD_HPP
#define QFA_AUDIT_SIDE_RECORD_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "qfa/audit/result.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/sae/firing_counts.hpp"
#include "qfa/sae/reconstruction_sums.hpp"
#include "qfa/stats/group_sums.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// How well the SAE describes one model's activations, gathered block by block, with the first analyzed position of
/// the rows apart.
///
/// A row is summed up by itself, and rows are added in order to the sums of their group: the bits depend neither on
/// where blocks are cut nor on threads, and records of different groups merge without rounding.  The batch whose mean
/// the legacy form of explained variance takes is therefore the row.
class side_record {
 public:
  /// The empty one: merging into it adopts the other's groups.
  side_record() = default;
  explicit side_record(std::size_t groups) : sums_(groups) {}

  /// Whole rows of kept tokens (rows x kept, d), what decoding their codes gives, the codes, and the group of each row.
  /// Throws where they are no whole rows, or have not as many codes.
  void operator()(matrix_view<const float> kept, matrix_view<const float> decoded, const sparse_codes& codes,
                  std::span<const std::uint32_t> group_of_row) {
    require(!group_of_row.empty() && kept.rows() % group_of_row.size() == 0 && kept.rows() == codes.tokens(),
            "the record of a side takes whole rows, with codes for each token");
    const std::size_t step = kept.rows() / group_of_row.size();
    std::vector<side_sums> rows(group_of_row.size());
    parallel_for(rows.size(), [&](std::size_t r) {
      rows[r].all(kept.rows_between(r * step, (r + 1) * step), decoded.rows_between(r * step, (r + 1) * step));
      rows[r].first(kept.rows_between(r * step, r * step + 1), decoded.rows_between(r * step, r * step + 1));
    });
    for (std::size_t r = 0; r < rows.size(); ++r)
      sums_[group_of_row[r]] += rows[r];
    fired_(codes);
  }

  /// Positions 0 of the rows where they are left out of everything else: (rows, d), and the group of each row.  Throws
  /// where there are not as many groups.
  void left_out(matrix_view<const float> first, std::span<const std::uint32_t> group_of_row) {
    require(first.rows() == group_of_row.size(), "position 0 of each row comes with the group of each row");
    for (std::size_t r = 0; r < first.rows(); ++r) {
      const auto x = first.row(r);
      const double squares = detail::sum_of(
          x.size(), [&](std::size_t i) { return static_cast<double>(x[i]) * static_cast<double>(x[i]); });
      side_sums& sums = sums_[group_of_row[r]];
      sums.left_out_norms += std::sqrt(squares);
      ++sums.left_out_rows;
    }
  }

  side_record& operator+=(const side_record& other) {
    sums_ += other.sums_;
    fired_ += other.fired_;
    return *this;
  }

  /// The same over fewer groups (stats/group_sums.hpp).
  side_record joined(std::span<const std::uint32_t> places) const {
    side_record out;
    out.sums_ = sums_.joined(places);
    out.fired_ = fired_;
    return out;
  }

  sae_fit fit() const {
    const reconstruction_sums all = sums_.total().all;
    return {all.fvu(), fired_.l0(), fired_.dead_share(), all.explained_variance(), all.explained_variance_legacy()};
  }

  /// FVU with its interval, on log: it has no upper bound.
  estimate fvu() const {
    return jackknife(sums_.total().all.fvu(), sums_.groups(),
                     [&](std::size_t left_out) {
                       reconstruction_sums rest;
                       for (std::size_t g = 0; g < sums_.groups(); ++g)
                         if (g != left_out) rest += sums_[g].all;
                       return rest.fvu();
                     },
                     {.scale = interval_scale::log});
  }

  /// Of rows whose first `position` positions were left out, position 0 by its norm alone.  Flips and shift need the
  /// other side, and stay NaN.
  first_position first(std::size_t position) const {
    const side_sums total = sums_.total();
    const auto mean = [](double norms, std::uint64_t tokens) {
      return detail::quotient(norms, static_cast<double>(tokens));
    };
    first_position out;
    out.position = position;
    out.norm = mean(total.first.norms(), total.first.tokens());
    out.norm_elsewhere = mean(total.all.norms() - total.first.norms(), total.all.tokens() - total.first.tokens());
    out.fvu = total.first.fvu();
    out.norm_at_0 = position == 0 ? out.norm : mean(total.left_out_norms, total.left_out_rows);
    return out;
  }

  /// Sum of |h|^2 over each group's analyzed tokens.
  std::vector<double> energies() const {
    std::vector<double> out(sums_.groups());
    for (std::size_t g = 0; g < out.size(); ++g)
      out[g] = sums_[g].all.squares();
    return out;
  }
  /// Tokens on which each feature fired; empty before the first.
  std::span<const std::uint64_t> firings() const noexcept { return fired_.of_features(); }
  /// The share of the tokens that these are.
  std::vector<double> firing_rates() const {
    std::vector<double> out;
    for (const std::uint64_t n : fired_.of_features())
      out.push_back(static_cast<double>(n) / static_cast<double>(fired_.tokens()));
    return out;
  }

  bool operator==(const side_record&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.sums_, self.fired_);
  }

 private:
  struct side_sums {
    reconstruction_sums all;
    reconstruction_sums first;  // of the first positions of rows alone
    double left_out_norms = 0.0;
    std::uint64_t left_out_rows = 0;

    side_sums& operator+=(const side_sums& other) {
      all += other.all;
      first += other.first;
      left_out_norms += other.left_out_norms;
      left_out_rows += other.left_out_rows;
      return *this;
    }
    bool operator==(const side_sums&) const = default;

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.all, self.first, self.left_out_norms, self.left_out_rows);
    }
  };

  group_sums<side_sums> sums_;
  firing_counts fired_;
};

static_assert(mergeable<side_record, matrix_view<const float>, matrix_view<const float>, const sparse_codes&,
                        std::span<const std::uint32_t>>);

}  // namespace qfa

#endif

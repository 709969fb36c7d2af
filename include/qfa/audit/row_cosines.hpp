// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_ROW_COSINES_HPP
#define QFA_AUDIT_ROW_COSINES_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "qfa/audit/token_damage.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/mergeable.hpp"
#include "qfa/core/parallel.hpp"
#include "qfa/sae/codes.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// How alike two models' codes are on each row: the series that tells whether groups of rows are long enough for what
/// is said of features.  16 bytes a row.
class row_cosines {
 public:
  /// The empty one: merging into it adopts the other's rows.
  row_cosines() = default;
  explicit row_cosines(std::size_t rows) : rows_(rows) {}

  /// Codes of whole rows of equally many tokens, `rows` of them from `first_row` on.  Throws where they are not, or go
  /// beyond the last row.
  void operator()(const sparse_codes& reference, const sparse_codes& compressed, std::size_t first_row,
                  std::size_t rows) {
    require(rows > 0 && first_row + rows <= rows_.size() && reference.tokens() == compressed.tokens() &&
                compressed.tokens() % rows == 0,
            "cosines of codes are taken of whole rows of the same tokens");
    const std::size_t step = compressed.tokens() / rows;
    parallel_for(rows, [&](std::size_t r) {
      for (std::size_t t = r * step; t < (r + 1) * step; ++t) {
        token_damage token;
        detail::compare_codes(reference[t], compressed[t], token);
        if (std::isnan(token.cosine)) continue;
        rows_[first_row + r].sum += token.cosine;
        ++rows_[first_row + r].tokens;
      }
    });
  }

  /// Throws for cosines of another number of rows.
  row_cosines& operator+=(const row_cosines& other) {
    if (other.rows_.empty()) return *this;
    if (rows_.empty()) return *this = other;
    require(rows_.size() == other.rows_.size(), "cosines of codes merge only with those of as many rows");
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      rows_[r].sum += other.rows_[r].sum;
      rows_[r].tokens += other.rows_[r].tokens;
    }
    return *this;
  }

  /// Mean cosine of each row's tokens; a row on which a side is always silent has the mean of the others.
  std::vector<double> series() const {
    double sum = 0.0, count = 0.0;
    for (const row& r : rows_)
      if (r.tokens > 0) sum += r.mean(), ++count;
    std::vector<double> out;
    for (const row& r : rows_)
      out.push_back(r.tokens > 0 ? r.mean() : sum / count);
    return out;
  }

  bool operator==(const row_cosines&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.rows_);
  }

 private:
  struct row {
    double sum = 0.0;
    std::uint64_t tokens = 0;  // on which neither side is silent

    double mean() const noexcept { return sum / static_cast<double>(tokens); }
    bool operator==(const row&) const = default;

    template <class Self, class Archive>
    static void members(Self& self, Archive& archive) {
      archive(self.sum, self.tokens);
    }
  };

  std::vector<row> rows_;
};

static_assert(mergeable<row_cosines, const sparse_codes&, const sparse_codes&, std::size_t, std::size_t>);

/// Checks the groups of rows by the codes: whether a group is longer than what neighboring rows have in common.
inline group_length_check check_group_length(const row_groups& groups, const row_cosines& cosines) {
  const std::vector<double> series = cosines.series();
  return check_group_length(groups, {&series, 1});
}

}  // namespace qfa

#endif

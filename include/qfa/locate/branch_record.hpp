// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LOCATE_BRANCH_RECORD_HPP
#define QFA_LOCATE_BRANCH_RECORD_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "qfa/audit/side_record.hpp"
#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/locate/feature_noise.hpp"
#include "qfa/model/loss.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// What a pass of one model leaves behind, over the rows that are measured or over some groups of them.  Records of
/// different groups merge without rounding.
struct branch_record {
  noise_table noise{};                   ///< empty where the pass is not read at the hook
  std::vector<comparison_sum> losses{};  ///< by group of rows; empty where losses are not asked for
  side_record side{};                    ///< of the SAE on the model's activations, where its fit is asked for

  /// Adds the scores of consecutive rows from `first_row` on, (rows, tokens_per_row): row by row, whose sums are added
  /// to their group's, so that the bits do not depend on where blocks are cut.  Throws where they are no whole rows.
  void add_losses(const row_groups& groups, std::size_t first_row, std::span<const token_comparison> scores,
                  std::size_t tokens_per_row) {
    require(tokens_per_row > 0 && scores.size() % tokens_per_row == 0, "losses come in whole rows");
    losses.resize(groups.groups());
    for (std::size_t r = 0; r * tokens_per_row < scores.size(); ++r) {
      comparison_sum row;
      for (const token_comparison& score : scores.subspan(r * tokens_per_row, tokens_per_row))
        row(score);
      losses[groups.group_of(first_row + r)] += row;
    }
  }

  branch_record& operator+=(const branch_record& other) {
    noise += other.noise;
    add_each(losses, other.losses);
    side += other.side;
    return *this;
  }

  bool operator==(const branch_record&) const = default;

  /// For archives (io/archive.hpp).
  template <class Self, class Archive>
  static void members(Self& self, Archive& archive) {
    archive(self.noise, self.losses, self.side);
  }
};

}  // namespace qfa

#endif

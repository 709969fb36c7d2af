// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_GROUP_LENGTHENING_HPP
#define QFA_AUDIT_GROUP_LENGTHENING_HPP

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "qfa/audit/losses.hpp"
#include "qfa/audit/result.hpp"
#include "qfa/audit/row_cosines.hpp"
#include "qfa/model/loss_sums.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// Looks at one model after another, and tells by which groups of rows all of them are to be concluded: 2 b* rows each,
/// b* the longest block of any of the models, by its rows' excess loss and by the cosine of its codes with the
/// reference's (stats/block_length.hpp).  Neighbors are joined, to 8 groups at fewest.
class group_lengthening {
 public:
  group_lengthening() = default;
  /// `gathered`: the groups before any are joined.
  explicit group_lengthening(const row_groups& gathered) : gathered_(gathered), groups_(gathered) {
    found_.from = gathered.groups();
    conclude();
  }

  /// The rows of one model against the reference: `losses` has a sum for each row, or none.
  void operator()(std::span<const comparison_sum> losses, const row_cosines& cosines, const std::string& name) {
    if (!losses.empty()) see(excess_by_row(losses), "excess loss", name);
    see(cosines.series(), "the codes' cosine", name);
  }

  /// By which the models so far are to be concluded.
  const row_groups& groups() const noexcept { return groups_; }
  /// What was found so far; its block length is NaN where no series has one.
  const group_halving& found() const noexcept { return found_; }

 private:
  void see(const std::vector<double>& series, const char* of, const std::string& name) {
    const double length = block_length(series);
    if (std::isnan(length) || length <= found_.block_length) return;
    groups_ = lengthen(gathered_, length);
    found_.block_length = length;
    found_.policy = name;
    found_.series = of;
    conclude();
  }

  void conclude() {
    found_.to = groups_.groups();
    found_.for_halves = groups_for_halves(gathered_, groups_).groups();
    found_.long_enough =
        !(static_cast<double>(groups_.rows()) < 2.0 * found_.block_length * static_cast<double>(groups_.groups()));
  }

  row_groups gathered_, groups_;
  group_halving found_;
};

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HALVING_NOTE_HPP
#define QFA_REPORT_HALVING_NOTE_HPP

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>

#include "qfa/audit/result.hpp"
#include "qfa/report/text_table.hpp"
#include "qfa/stats/block_length.hpp"
#include "qfa/stats/row_groups.hpp"

namespace qfa {

/// That groups of rows were joined, and why; nothing where they were not.  `intervals`: which of them, in words.
inline std::string halving_note(const std::optional<group_halving>& h, const std::string& intervals = "intervals") {
  if (!h || h->to == h->from) return "";
  return "note: " + intervals + " leave out each of " + std::to_string(h->to) + " groups of rows, not " +
         std::to_string(h->from) + ", as rows depend on each other in " + h->series + " of " + h->policy + " over " +
         fixed(h->block_length, 1) + " rows" +
         (h->for_halves > h->to
              ? "; what one half of the rows chooses and the other half judges has " + std::to_string(h->for_halves) +
                    " groups, since half of " + std::to_string(h->to) +
                    " is too few for an interval: they are shorter than that asks for, and its intervals may be too "
                    "narrow\n"
              : "\n");
}

/// That groups of `rows` rows are too short for what rows have to do with each other, whatever was joined; nothing
/// where they are long enough, and of groups that are too few for any interval.  `kind`: of which rows more would do.
inline std::string short_groups_warning(const std::optional<group_halving>& h, std::size_t rows,
                                        const std::string& kind = "rows") {
  if (!h || h->long_enough || h->to < minimum_groups) return "";
  return "warning: intervals are too narrow, and what rests on them is not sure, as rows depend on each other in " +
         h->series + " of " + h->policy + " over " + fixed(h->block_length, 1) + " rows, and a group has " +
         fixed(static_cast<double>(rows) / static_cast<double>(h->to), 1) + ": " + std::to_string(minimum_groups) +
         " groups would be long enough on " + fixed(std::ceil(rows_long_enough(h->block_length, rows)), 0) + " " +
         kind + "\n";
}

}  // namespace qfa

#endif

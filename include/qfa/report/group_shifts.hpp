// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_GROUP_SHIFTS_HPP
#define QFA_REPORT_GROUP_SHIFTS_HPP

#include <algorithm>
#include <cstddef>
#include <filesystem>

#include "qfa/audit/result.hpp"
#include "qfa/core/error.hpp"
#include "qfa/io/npy_writer.hpp"

namespace qfa {

/// Writes what each group of rows does to every feature's r, r without the group less r of all (r is that of
/// features.csv): a .npy file of float32, (conditions but the reference, groups, features), conditions in the report's
/// order; NaN where one of the two is undefined.  Any statistic over features has its interval from it, whoever
/// computes it (stats/leave_one_out.hpp).  Without groups, as where nothing was compressed, it has no element.  Throws
/// where conditions differ in groups or features, and where the file cannot be written.
inline void write_group_shifts(const audit_result& a, const std::filesystem::path& path) {
  std::size_t groups = 0;
  for (const condition_result& c : a.conditions)
    groups = (std::max)(groups, c.by_honest.correlations.groups);
  if (groups * a.d_sae == 0) return write_npy<float>(path, {0, groups, a.d_sae}, {});
  npy_writer<float> file(path, {groups, a.d_sae});
  for (const condition_result& c : a.conditions) {
    if (c.reference) continue;
    require(c.by_honest.correlations.shift.size() == groups * a.d_sae,
            "the conditions of an audit have the same groups of rows and the same features");
    file.append(c.by_honest.correlations.shift);
  }
  file.commit();
}

}  // namespace qfa

#endif

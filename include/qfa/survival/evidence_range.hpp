// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_EVIDENCE_RANGE_HPP
#define QFA_SURVIVAL_EVIDENCE_RANGE_HPP

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "qfa/survival/lower_median.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// Over features, m_eff: in how many groups of rows of equal size each one's evidence lies (`group_evidence`).  NaN of
/// no feature.
struct evidence_range {
  double least = std::numeric_limits<double>::quiet_NaN();
  double median = std::numeric_limits<double>::quiet_NaN();  ///< lower median
  double most = std::numeric_limits<double>::quiet_NaN();
};

/// Of the features that a survey counts.  A matter of the reference alone: the same for all conditions of an audit.
inline evidence_range effective_groups_of(const survey& s) {
  std::vector<double> all;
  for (const std::uint32_t f : s.counted)
    all.push_back(s.correlations.evidence[f].effective);
  if (all.empty()) return {};
  const auto [least, most] = std::ranges::minmax(all);
  return {least, lower_median(std::move(all)), most};
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_SURVIVAL_CONFIRMED_HPP
#define QFA_SURVIVAL_CONFIRMED_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "qfa/stats/fdr.hpp"
#include "qfa/stats/skewed_t.hpp"
#include "qfa/stats/student.hpp"
#include "qfa/survival/survey.hpp"

namespace qfa {

/// What the data prove about a feature and a threshold.
enum class census_verdict : std::uint8_t { confirmed_survived, confirmed_not, undecided };
inline constexpr std::array<std::string_view, 3> census_verdict_names{"confirmed_survived", "confirmed_not",
                                                                      "undecided"};

/// The two one-sided p-values of a feature against a threshold tau in (0, 1).
struct threshold_test {
  double against_lower = std::numeric_limits<double>::quiet_NaN();   ///< small: r is not <= tau
  double against_higher = std::numeric_limits<double>::quiet_NaN();  ///< small: r is not >= tau
};

/// T = (atanh r - atanh tau) / se against Student's t with the degrees of freedom and the skewness of the feature's
/// interval, so that an end of the interval at tau and p = (1 - level) / 2 are the same.
///
/// Two cases have no se.  r = 1 in every one of m effective groups: were r <= tau, a share 1 - tau^2 of the firings
/// would be lost, and m groups show none of it with a chance of tau^(2m).  A feature that is silent on the compressed
/// model: were r >= tau, a share tau^2 of its firings would be kept, and none shows with a chance of (1 - tau^2)^m.
inline threshold_test test_threshold(const survey& s, std::size_t feature, double tau) {
  const double r = s.correlations.r[feature];
  const interval& range = s.correlations.ranges[feature];
  const double effective = s.correlations.evidence[feature].effective;
  if (std::isnan(r)) return {1.0, std::pow(1.0 - tau * tau, effective)};
  if (range.kind == interval_kind::at_least && r == 1.0) return {std::pow(tau, 2.0 * effective), 1.0};
  if (range.kind != interval_kind::two_sided) return {};
  const double t = (std::atanh(r) - std::atanh(tau)) / range.scale_error;
  return {student_upper_tail(unskewed_reach(t, -range.skewness), range.dof),
          student_upper_tail(unskewed_reach(-t, range.skewness), range.dof)};
}

/// The census that a false discovery rate allows: of each verdict but `undecided`, an expected share of at most `q` is
/// wrong.  One verdict for each counted feature, in the order of `counted`.  For the honest protocol.  Throws where tau
/// or q is not in (0, 1).
inline std::vector<census_verdict> confirm(const survey& s, double tau = 0.9, double q = 0.05,
                                           test_dependence dependence = test_dependence::independent) {
  require(tau > 0.0 && tau < 1.0, "confirm needs a threshold between 0 and 1");
  std::vector<double> lower, higher;
  for (const std::uint32_t f : s.counted) {
    const threshold_test test = test_threshold(s, f, tau);
    lower.push_back(test.against_lower);
    higher.push_back(test.against_higher);
  }
  const auto above = discoveries(lower, q, dependence), below = discoveries(higher, q, dependence);
  std::vector<census_verdict> verdicts(s.counted.size(), census_verdict::undecided);
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (above[i]) verdicts[i] = census_verdict::confirmed_survived;
    if (below[i]) verdicts[i] = census_verdict::confirmed_not;
  }
  return verdicts;
}

}  // namespace qfa

#endif

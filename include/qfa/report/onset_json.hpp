// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_ONSET_JSON_HPP
#define QFA_REPORT_ONSET_JSON_HPP

#include <optional>
#include <string>

#include "qfa/alignment/fitted_onset.hpp"
#include "qfa/alignment/onset.hpp"
#include "qfa/report/json_values.hpp"

namespace qfa::detail {

inline report_json optional_json(const std::optional<double>& x) {
  return x ? number_or_null(*x) : report_json(nullptr);
}

inline report_json onset_json(const onset_bits& o) {
  return {{"onset", optional_json(o.onset)},
          {"collapse", optional_json(o.collapse)},
          {"complete", optional_json(o.complete)}};
}

/// An infinite end of the interval is null, and so is all that a curve would give where there is none.
inline report_json fitted_onset_json(const fitted_onset& f) {
  return {{"bits", optional_json(f.bits)},
          {"interval", report_json::array({number_or_null(f.interval.lower), number_or_null(f.interval.upper)})},
          {"reason", f.reason.empty() ? report_json(nullptr) : report_json(std::string(f.reason))},
          {"extrapolated", f.extrapolated},
          {"intercept", number_or_null(f.intercept)},
          {"intercept_error", number_or_null(f.intercept_error)},
          {"slope", number_or_null(f.slope)},
          {"slope_error", number_or_null(f.slope_error)},
          {"prompts", f.prompts},
          {"flips", f.flips}};
}

}  // namespace qfa::detail

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_READ_ESTIMATES_HPP
#define QFA_REPORT_READ_ESTIMATES_HPP

#include <algorithm>
#include <limits>
#include <string_view>

#include "qfa/report/report_json.hpp"
#include "qfa/stats/jackknife.hpp"

namespace qfa {

/// A number of a report: NaN where it is null or missing.
inline double number_of(const report_json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_number() ? found->get<double>()
                                                                           : std::numeric_limits<double>::quiet_NaN();
}

/// An interval as a report has it, without the reason why there may be none; refused where there is none.
inline interval interval_of(const report_json& value) {
  interval out;
  if (!value.is_object() || !value.contains("interval") || !value["interval"].is_object()) return out;
  const report_json& range = value["interval"];
  out.lower = number_of(range, "lower");
  out.upper = number_of(range, "upper");
  const auto kind = std::ranges::find(interval_kind_names, range.value("kind", ""));
  if (kind != interval_kind_names.end()) out.kind = static_cast<interval_kind>(kind - interval_kind_names.begin());
  return out;
}

/// An estimate as a report has it, without the reason why it may have no interval.
inline estimate estimate_of(const report_json& value) {
  estimate e;
  e.value = number_of(value, "value");
  e.bias_corrected = number_of(value, "bias_corrected");
  e.range = interval_of(value);
  return e;
}

}  // namespace qfa

#endif

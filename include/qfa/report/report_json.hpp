// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_REPORT_JSON_HPP
#define QFA_REPORT_REPORT_JSON_HPP

#include <cmath>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace qfa {

/// Keys stay in the order in which a report explains itself.
using report_json = nlohmann::ordered_json;

/// JSON knows no NaN and no infinity: a number, or null.
inline report_json number_or_null(double x) {
  if (!std::isfinite(x)) return nullptr;
  return x;
}

/// {"value": x}, or {"value": null, "reason": why}.
inline report_json value_or_reason(double x, std::string_view why) {
  report_json out{{"value", number_or_null(x)}};
  if (!std::isfinite(x)) out["reason"] = std::string(why);
  return out;
}

/// Its text, an indent of one blank for each level.  Names of files are a stranger's bytes: what is no UTF-8 in them
/// stands as U+FFFD, since a name must not cost an audit its report.
inline std::string json_text(const report_json& report, int indent = 1) {
  return report.dump(indent, ' ', false, report_json::error_handler_t::replace);
}

}  // namespace qfa

#endif

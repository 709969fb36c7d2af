// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_REPORT_JSON_HPP
#define QFA_REPORT_REPORT_JSON_HPP

#include <cmath>
#include <cstddef>
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

/// What somebody wrote or a model said, for a terminal: in double quotes, as JSON writes it, and cut after so many
/// characters.  What is no UTF-8 stands as U+FFFD, and every control character as an escape, those of U+007F to U+009F
/// too, which terminals obey.
inline std::string text_in_quotes(std::string_view text, std::size_t longest = 200) {
  std::size_t end = 0, characters = 0;
  for (; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0U) != 0x80U;
    if (begins && characters++ == longest) break;
  }
  const std::string written = json_text(std::string(text.substr(0, end)), -1);
  std::string out;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const auto byte = [&](std::size_t at) {
      return at < written.size() ? static_cast<unsigned char>(written[at]) : 0U;
    };
    const bool high = byte(i) == 0xc2U && byte(i + 1) < 0xa0U;  // U+0080 to U+009F
    if (!high && byte(i) != 0x7fU) {
      out += written[i];
      continue;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    if (high) ++i;
    out.append("\\u00").append({digits[byte(i) >> 4U], digits[byte(i) & 15U]});
  }
  if (end < text.size()) out.insert(out.size() - 1, "...");
  return out;
}

}  // namespace qfa

#endif

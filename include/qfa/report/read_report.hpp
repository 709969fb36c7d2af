// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_READ_REPORT_HPP
#define QFA_REPORT_READ_REPORT_HPP

#include <filesystem>
#include <string>
#include <string_view>

#include "qfa/core/error.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/json.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa {

/// The report of a file, its keys in their order.  Throws as `read_json` does, and unless it is an object with the key
/// by which this kind of report is known: "conditions" of an audit, "sweep" of an alignment.
inline report_json read_report(const std::filesystem::path& file, std::string_view key) {
  const json checked = read_json(file);
  if (!checked.is_object() || !checked.contains(key))
    fail(in_quotes(file) + " has no " + std::string(key) + ", expected a report of qfa");
  return report_json::parse(file_bytes(file).text());
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_AUDIT_REPORTED_ROWS_HPP
#define QFA_AUDIT_REPORTED_ROWS_HPP

#include <initializer_list>
#include <string>
#include <string_view>

#include "qfa/io/json.hpp"

namespace qfa {

/// What the "protocol" of a report.json says of the rows that its audit saw, and of what they came from.
struct reported_rows {
  std::string source{};            ///< "tokens", "text" or "activations": the role of the files of the rows
  json files = json::array();      ///< those files: bytes and checksum of each, in order, whatever it is called
  json text{};                     ///< how text was cut, but for where its tokenizer lay, whose checksum is there
  json protocol = json::object();  ///< all that the report says of how it was made
};

/// What an audit read in one role: bytes and checksum of each file, in order; empty where its report does not say.
inline json reported_files(const json& protocol, std::string_view role) {
  json out = json::array();
  const auto inputs = protocol.find("inputs");
  if (inputs == protocol.end() || !inputs->is_array()) return out;
  for (const json& file : *inputs)
    if (file.is_object() && file.value("role", json()) == json(role))
      out.push_back(json::array({file.value("bytes", json()), file.value("crc32", json())}));
  return out;
}

/// Reads a report, or what is left of one: what is missing is empty, and of no known rows (`same_rows`).
inline reported_rows rows_of_report(const json& report) {
  reported_rows out;
  if (report.is_object() && report.contains("protocol") && report["protocol"].is_object())
    out.protocol = report["protocol"];
  out.text = out.protocol.value("text", json());
  out.source = !out.text.is_null()                                           ? "text"
               : out.protocol.value("source", json()) == json("activations") ? "activations"
                                                                             : "tokens";
  out.files = reported_files(out.protocol, out.source);
  if (!out.text.is_object()) return out;
  // A tokenizer is known by its bytes, wherever it lay: outside the model's directory it stands among the files.
  out.text.erase("tokenizer");
  json files = json::array();
  for (const json& file : out.files)
    if (file[1] != out.text.value("crc32", json())) files.push_back(file);
  out.files = std::move(files);
  return out;
}

/// Why two audits' tokens are not known to be the same: empty where they come from files of the same bytes in the same
/// order, and, of text, were made alike.
inline std::string why_other_tokens(const reported_rows& a, const reported_rows& b) {
  if (a.files.empty() || a.source != b.source || a.files != b.files)
    return "the audits do not come from the same " + a.source;
  if (a.source == "text" && a.text != b.text) return "the audits do not make the same tokens of their text";
  return {};
}

/// How a report has a value of its protocol, as JSON; "nothing" where it has none.
inline std::string protocol_text(const reported_rows& rows, const char* key) {
  const auto found = rows.protocol.find(key);
  return found == rows.protocol.end() ? "nothing" : found->dump();
}

/// The first of `keys` in which two protocols differ, in a sentence; empty where they differ in none.
inline std::string why_other_protocol(const reported_rows& a, const reported_rows& b,
                                      std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (protocol_text(a, key) != protocol_text(b, key))
      return std::string("their protocols differ in ") + key + " (" + protocol_text(a, key) + " and " +
             protocol_text(b, key) + ")";
  return {};
}

/// Whether two audits saw the same rows: the same tokens, as many rows of as many, and the same of each analyzed.
/// Audits that name no files are not known to.
inline bool same_rows(const reported_rows& a, const reported_rows& b) {
  return why_other_tokens(a, b).empty() &&
         why_other_protocol(a, b, {"rows", "context", "skip_positions", "prepend_bos"}).empty();
}

}  // namespace qfa

#endif

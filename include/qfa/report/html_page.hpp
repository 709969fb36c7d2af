// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_REPORT_HTML_PAGE_HPP
#define QFA_REPORT_HTML_PAGE_HPP

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "qfa/report/html_style.hpp"
#include "qfa/report/report_json.hpp"

namespace qfa {

/// Text as HTML shows it: nothing in it is markup.
inline std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// JSON within a script element, plain ASCII: what ends the element there, or begins a comment, is written as \u003c.
/// A byte that is no UTF-8 comes out as U+FFFD.
inline void write_html_json(const report_json& value, std::ostream& to) {
  const std::string text = value.dump(-1, ' ', true, report_json::error_handler_t::replace);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t plain = (std::min)(rest.find_first_of("<>&"), rest.size());
    to << rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    to << (rest.front() == '<' ? "\\u003c" : rest.front() == '>' ? "\\u003e" : "\\u0026");
    rest.remove_prefix(1);
  }
}

/// Writes a page that holds all that it shows: the style, `data`, and the parts of a script that draws it, each of
/// which sees what the parts before it define.  It fetches nothing, and its content policy lets it fetch nothing.
///
/// `title` is any text.  The script finds the data in the element "data", and draws into the element "page".
inline void write_html_page(const std::string& title, const report_json& data, std::span<const std::string_view> script,
                            std::ostream& to) {
  to << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n<title>"
     << html_text(title) << "</title>\n<style>" << html_style << "</style>\n</head>\n<body>\n"
     << html_frame << "<script type=\"application/json\" id=\"data\">";
  write_html_json(data, to);
  to << "</script>\n<script>\n'use strict';\n(() => {";
  for (const std::string_view part : script)
    to << part;
  to << "})();\n</script>\n</body>\n</html>\n";
}

}  // namespace qfa

#endif

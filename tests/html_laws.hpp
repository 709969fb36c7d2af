// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TESTS_HTML_LAWS_HPP
#define QFA_TESTS_HTML_LAWS_HPP

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace qfa_test {

inline std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    ++count;
  return count;
}

/// What each part of a page's script owes: plain ASCII, no way from text to markup or to code, nothing that fetches or
/// stores, no end of the script element, no address but Neuronpedia's; and the functions that others call.
inline void check_script_part(std::string_view part, std::initializer_list<const char*> defines) {
  CHECK(std::ranges::all_of(part, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  for (const char* banned : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
                             "fetch(", "XMLHttp", "WebSocket", "import(", "sendBeacon", "localStorage",
                             "sessionStorage", "cookie", "</", "<!--", "javascript:"}) {
    CAPTURE(banned);
    CHECK(count_of(part, banned) == 0);
  }
  CHECK(count_of(part, "://") == count_of(part, "https://www.neuronpedia.org/"));
  for (const char* name : defines) {
    CAPTURE(name);
    const std::string function = std::string("function ") + name + "(", constant = std::string("const ") + name + " = ";
    CHECK(count_of(part, function) + count_of(part, constant) > 0);
  }
}

}  // namespace qfa_test

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_TRIMMED_HPP
#define QFA_IO_TRIMMED_HPP

#include <string_view>

namespace qfa {

/// A text without blanks at its ends: what a model says, a line of a file.  The view points into the text.
inline constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n") noexcept {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

}  // namespace qfa

#endif

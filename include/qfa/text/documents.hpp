// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_TEXT_DOCUMENTS_HPP
#define QFA_TEXT_DOCUMENTS_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// What is a document of its own.
///
///   files        a whole file, its last line break included
///   lines        a line that holds more than blanks, without its break
///   blank_lines  lines that follow each other, with the breaks between them, up to a line of blanks or the file's end
enum class document_cut : std::uint8_t { files, lines, blank_lines };
inline constexpr std::array<std::string_view, 3> document_cut_names{"files", "lines", "blank-lines"};

/// Calls `take(document)` for each document of a file's text, in its order.  Blanks are spaces and tabs; a line ends
/// with a line feed, which a carriage return may stand before.
template <class Take>
void for_each_document(std::string_view text, document_cut cut, Take take) {
  if (cut == document_cut::files) {
    if (!text.empty()) take(text);
    return;
  }
  std::size_t begin = std::string_view::npos, end = 0;  // of the document that is open
  const auto close = [&] {
    if (begin != std::string_view::npos) take(text.substr(begin, end - begin));
    begin = std::string_view::npos;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t line_feed = (std::min)(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, line_feed - at);
    if (line_feed < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    const bool blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
    if (blank || cut == document_cut::lines) close();
    if (!blank) {
      if (begin == std::string_view::npos) begin = at;
      end = at + line.size();
    }
    at = line_feed + 1;
  }
  close();
}

/// The lines of a text that hold more than blanks, as the documents that they are, behind a byte order mark if there is
/// one.  Throws, naming `where`, where there is none.
inline std::vector<std::string> lines_of(std::string_view text, const std::string& where) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<std::string> out;
  for_each_document(text, document_cut::lines, [&](std::string_view line) { out.emplace_back(line); });
  if (out.empty()) fail(where + " holds no text");
  return out;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_CSV_READER_HPP
#define QFA_IO_CSV_READER_HPP

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"

namespace qfa {

/// A row of comma-separated values, and the line on which it begins, counted from 1.
struct csv_row {
  std::size_t line = 0;
  std::vector<std::string> cells;

  bool operator==(const csv_row&) const = default;
};

/// Reads the number that a cell holds and nothing else; false where it holds none that fits, or anything beside it.
template <class Number>
bool read_cell(std::string_view cell, Number& out) {
  const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), out);
  return problem == std::errc{} && end == cell.data() + cell.size();
}

/// Reads comma-separated values as RFC 4180 has them: a cell in quotes may hold commas, line breaks and doubled quotes.
/// Lines may end in LF alone, the last one in nothing; an empty line is no row, and a byte order mark at the start is
/// passed over.  Throws, naming `where` and the line, for a quote that is never closed, one within a plain cell, and
/// anything between a closing quote and the next comma; and where there are more cells than `most`, each of which takes
/// some 32 bytes though the file may have spent one on it.
inline std::vector<csv_row> parse_csv(std::string_view text, const std::string& where, std::size_t most = 100'000'000) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  std::vector<csv_row> rows;
  std::size_t line = 1, at = 0, cells = 0;
  const auto refuse = [&](std::size_t on, const char* why) {
    fail(where + " is not valid CSV: line " + std::to_string(on) + ' ' + why);
  };
  const auto row_ends = [&] { return at == text.size() || text[at] == '\n' || text.substr(at, 2) == "\r\n"; };
  const auto quoted_cell = [&] {
    const std::size_t opened = line;
    std::string cell;
    for (++at; at < text.size(); ++at) {
      if (text[at] == '"' && text.substr(at, 2) != "\"\"") {
        ++at;
        if (!row_ends() && text[at] != ',') refuse(line, "goes on after a closing quote");
        return cell;
      }
      if (text[at] == '"') ++at;
      if (text[at] == '\n') ++line;
      cell += text[at];
    }
    refuse(opened, "opens a quote that is never closed");
    return cell;
  };
  const auto plain_cell = [&] {
    std::string cell;
    for (; !row_ends() && text[at] != ','; ++at) {
      if (text[at] == '"') refuse(line, "has a quote within a cell that is not quoted");
      cell += text[at];
    }
    return cell;
  };
  while (at < text.size()) {
    if (!row_ends()) {
      csv_row row{line, {}};
      for (;;) {
        if (++cells > most)
          fail(where + " has more than " + std::to_string(most) + " cells by line " + std::to_string(line));
        row.cells.push_back(at < text.size() && text[at] == '"' ? quoted_cell() : plain_cell());
        if (row_ends()) break;
        ++at;  // the comma
      }
      rows.push_back(std::move(row));
    }
    if (at < text.size()) at += text[at] == '\r' ? std::size_t{2} : std::size_t{1};
    ++line;
  }
  return rows;
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_CSV_HPP
#define QFA_IO_CSV_HPP

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

namespace qfa {

/// Whether a spreadsheet would compute a cell of this text instead of showing it: formulas begin with = + - or @, and
/// some programs pass over a tab or a line break before them.
constexpr bool is_formula(std::string_view text) noexcept {
  return !text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos;
}

/// The text of a cell that `csv_writer` wrote: without the apostrophe that stands before a formula, or before another
/// apostrophe.
constexpr std::string_view csv_text(std::string_view cell) noexcept {
  if (cell.starts_with('\'') && (is_formula(cell.substr(1)) || cell.substr(1).starts_with('\''))) cell.remove_prefix(1);
  return cell;
}

/// Writes comma-separated values as RFC 4180 has them: rows end in CRLF, a cell with a comma, a quote or a line break
/// is quoted, and its quotes are doubled.  A text that is a formula gets an apostrophe before it, by which spreadsheets
/// know text, and so does one that begins with an apostrophe (`csv_text` takes it away again); a number never does.
///
/// A number takes the fewest digits that read back to the same number, in the same form wherever the program runs;
/// NaN, which stands for "no value", is an empty cell.
///
///   csv_writer out(stream);
///   out.row("feature", "r");
///   out.row(17, 0.93);
class csv_writer {
 public:
  explicit csv_writer(std::ostream& stream) : stream_(&stream) {}

  template <class... Cells>
  void row(const Cells&... cells) {
    (cell(cells), ...);
    end_row();
  }

  /// One cell of a row that is put together piece by piece.
  void cell(std::string_view text) {
    separate();
    const std::string_view guard = is_formula(text) || text.starts_with('\'') ? "'" : "";
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
      *stream_ << guard << text;
      return;
    }
    *stream_ << '"' << guard;
    for (const char c : text) {
      if (c == '"') *stream_ << '"';
      *stream_ << c;
    }
    *stream_ << '"';
  }
  void cell(const char* text) { cell(std::string_view(text)); }
  void cell(const std::string& text) { cell(std::string_view(text)); }
  void cell(bool flag) { number(flag ? 1 : 0); }
  template <std::integral T>
  void cell(T n) {
    number(n);
  }
  template <std::floating_point T>
  void cell(T x) {
    if (std::isnan(x)) {
      separate();
    } else {
      number(x);
    }
  }

  void end_row() {
    *stream_ << "\r\n";
    first_ = true;
  }

 private:
  void separate() {
    if (!first_) *stream_ << ',';
    first_ = false;
  }
  template <class T>
  void number(T x) {
    separate();
    std::array<char, 64> digits;
    const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), x);
    stream_->write(digits.data(), end - digits.data());
  }

  std::ostream* stream_;
  bool first_ = true;
};

}  // namespace qfa

#endif

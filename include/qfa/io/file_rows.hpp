// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_FILE_ROWS_HPP
#define QFA_IO_FILE_ROWS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file_window.hpp"

namespace qfa {

/// How a matrix of numbers lies in a file, when it is not row-major and little-endian.
struct stored_order {
  bool big_endian = false;
  bool column_major = false;
};

/// A matrix of numbers that lies in a file: its rows, read as floats a few at a time through a window.  Memory does not
/// grow with the file, whatever its order.  One thread at a time.
class file_rows {
 public:
  /// `begin` is the matrix's first byte in the file, which has all of it.  Throws for a type that is no real number.
  file_rows(file_window file, std::uint64_t begin, dtype type, std::size_t rows, std::size_t columns,
            stored_order order = {})
      : file_(std::move(file)), begin_(begin), type_(type), rows_(rows), columns_(columns), order_(order) {
    if (!is_readable_float(type) && !is_integer(type))
      fail(where() + " is of type " + std::string(name(type)) + ", but real numbers are needed");
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  /// The file's name in quotes, for messages.
  const std::string& where() const noexcept { return file_.where(); }

  /// Fills `out` with the rows from `first` on, as many as it has.  Throws where they are not in the file, or it has
  /// become shorter.
  void read(std::size_t first, matrix_view<float> out) {
    if (out.columns() != columns_ || first > rows_ || out.rows() > rows_ - first)
      fail("rows " + std::to_string(first) + " to " + std::to_string(first + out.rows()) + " of " +
           std::to_string(out.columns()) + " columns are not in " + where() + ", which has " + std::to_string(rows_) +
           " rows of " + std::to_string(columns_));
    if (order_.column_major)
      read_columns(first, out);
    else
      read_rows(first, out);
  }

 private:
  std::size_t width() const noexcept { return bits(type_) / 8; }
  std::uint64_t place(std::uint64_t element) const noexcept { return begin_ + element * width(); }

  void read_rows(std::size_t first, matrix_view<float> out) {
    file_.for_each_run(place(std::uint64_t{first} * columns_), width(), out.size(),
                       [&](std::uint64_t element, std::span<const std::byte> bytes) {
                         // A run ends where the window does, which may be within a row.
                         for (auto i = static_cast<std::size_t>(element); !bytes.empty();) {
                           const std::size_t column = i % columns_;
                           const std::size_t count = (std::min)(columns_ - column, bytes.size() / width());
                           convert(bytes.first(count * width()), out.row(i / columns_).subspan(column, count));
                           bytes = bytes.subspan(count * width());
                           i += count;
                         }
                       });
  }

  // The columns lie far apart: each is read by itself, without moving the window.
  void read_columns(std::size_t first, matrix_view<float> out) {
    std::vector<std::byte> bytes(out.rows() * width());
    std::vector<float> column(out.rows());
    for (std::size_t c = 0; c < columns_; ++c) {
      file_.read(place(std::uint64_t{c} * rows_ + first), bytes);
      convert(bytes, column);
      for (std::size_t r = 0; r < out.rows(); ++r)
        out(r, c) = column[r];
    }
  }

  void convert(std::span<const std::byte> bytes, std::span<float> out) {
    if (!order_.big_endian) return to_floats(type_, bytes, out);
    turned_.assign(bytes.begin(), bytes.end());
    swap_bytes(turned_, width());
    to_floats(type_, turned_, out);
  }

  file_window file_;
  std::uint64_t begin_;
  dtype type_;
  std::size_t rows_;
  std::size_t columns_;
  stored_order order_;
  std::vector<std::byte> turned_;  // scratch
};

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_NPY_ROWS_HPP
#define QFA_IO_NPY_ROWS_HPP

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "qfa/core/error.hpp"
#include "qfa/core/matrix_view.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file.hpp"
#include "qfa/io/in_quotes.hpp"
#include "qfa/io/npy.hpp"

namespace qfa {

/// The rows of a .npy file of two dimensions, read as floats a few at a time: the activations that another runtime
/// dumped.  Memory does not grow with the file, unless its elements stand in another order than the machine's (Fortran
/// order, big-endian), when it is turned around as a whole.
class npy_rows {
 public:
  explicit npy_rows(const std::filesystem::path& path, file_access access = file_access::mapped)
      : file_(path, access), where_(in_quotes(path)) {
    const npy_header header = parse_npy_header(file_.bytes(), where_);
    if (header.shape.size() != 2)
      fail(where_ + " has " + std::to_string(header.shape.size()) + " dimensions, but rows and columns are needed");
    if (!is_readable_float(header.type) && !is_integer(header.type))
      fail(where_ + " is of type " + std::string(name(header.type)) + ", but real numbers are needed");
    type_ = header.type;
    rows_ = header.shape[0];
    columns_ = header.shape[1];
    data_ = file_.bytes().subspan(header.data_begin);
    if (data_.size() != header.data_bytes || header.big_endian || header.fortran_order) {
      turned_ = parse_npy(file_.bytes(), where_);  // and refuses a length that disagrees
      data_ = turned_->data;
    }
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }

  /// Fills `out` with the rows from `first` on, as many as it has.
  void read(std::size_t first, matrix_view<float> out) const {
    if (out.columns() != columns_ || first > rows_ || out.rows() > rows_ - first)
      fail("rows " + std::to_string(first) + " to " + std::to_string(first + out.rows()) + " of " +
           std::to_string(out.columns()) + " columns are not in " + where_ + ", which has " + std::to_string(rows_) +
           " rows of " + std::to_string(columns_));
    const std::size_t row_bytes = columns_ * bits(type_) / 8;
    for (std::size_t r = 0; r < out.rows(); ++r)
      to_floats(type_, data_.subspan((first + r) * row_bytes, row_bytes), out.row(r));
  }

 private:
  file_bytes file_;
  std::string where_;
  dtype type_ = dtype::f32;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::span<const std::byte> data_;
  std::optional<npy_array> turned_;
};

}  // namespace qfa

#endif

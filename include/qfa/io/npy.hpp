// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_NPY_HPP
#define QFA_IO_NPY_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/npy_header.hpp"
#include "qfa/io/npy_rows.hpp"

namespace qfa {

/// An array from a .npy file: row-major and little-endian, whatever the file's order was.
struct npy_array {
  dtype type = dtype::f32;
  std::vector<std::size_t> shape;  ///< empty for a scalar
  std::vector<std::byte> data;

  std::size_t size() const noexcept { return data.size() * 8 / bits(type); }
};

namespace detail {

/// From first index fastest to last index fastest.  Walks the output in order and keeps the input's index as an
/// odometer: raising the last index by one moves the input by the product of all dimensions before it.
inline std::vector<std::byte> to_row_major(std::span<const std::byte> data, std::span<const std::size_t> shape,
                                           std::size_t width) {
  std::vector<std::byte> out(data.size());
  std::vector<std::size_t> stride(shape.size(), width);
  for (std::size_t d = 1; d < shape.size(); ++d)
    stride[d] = stride[d - 1] * shape[d - 1];
  std::vector<std::size_t> index(shape.size(), 0);
  std::size_t from = 0;
  for (std::size_t to = 0; to < data.size(); to += width) {
    std::memcpy(out.data() + to, data.data() + from, width);
    for (std::size_t d = shape.size(); d-- > 0;) {
      from += stride[d];
      if (++index[d] < shape[d]) break;
      from -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
  return out;
}

/// Brings an array's bytes into the order that the machine and this library use.
inline npy_array npy_in_order(const npy_header& header, std::vector<std::byte> data) {
  const std::size_t width = bits(header.type) / 8;
  if (header.big_endian) swap_bytes(data, header.type == dtype::c64 ? width / 2 : width);
  if (header.fortran_order && header.shape.size() > 1) data = to_row_major(data, header.shape, width);
  return {header.type, header.shape, std::move(data)};
}

}  // namespace detail

/// The bytes of a whole .npy file as an array.  Throws, naming `where`, for anything but one array of numbers: wrong
/// magic or version, a header that is no such dictionary, objects, structures, strings, a shape that overflows or
/// disagrees with the length.
inline npy_array parse_npy(std::span<const std::byte> file, const std::string& where) {
  const npy_header header = parse_npy_header(file, where);
  const std::span<const std::byte> data = file.subspan(header.data_begin);
  check_npy_length(header, data.size(), where);
  return detail::npy_in_order(header, {data.begin(), data.end()});
}

/// The array of a .npy file, read into its memory.  Throws as `parse_npy` does.
inline npy_array read_npy(const std::filesystem::path& path) {
  file_window file(path);
  const npy_header header = read_npy_header(file);
  std::vector<std::byte> data(header.data_bytes);
  file.read(header.data_begin, data);
  return detail::npy_in_order(header, std::move(data));
}

/// The elements as floats: F32, F16, F64 and integers.  Throws for complex numbers.
inline std::vector<float> as_floats(const npy_array& array) {
  std::vector<float> out(array.size());
  to_floats(array.type, array.data, out);
  return out;
}

/// The elements as doubles, under the same condition.
inline std::vector<double> as_doubles(const npy_array& array) {
  std::vector<double> out(array.size());
  to_doubles(array.type, array.data, out);
  return out;
}

/// The elements as integers.  Throws for floating types and for a U64 beyond 2^63 - 1.
inline std::vector<std::int64_t> as_integers(const npy_array& array) {
  std::vector<std::int64_t> out(array.size());
  to_integers(array.type, array.data, out);
  return out;
}

}  // namespace qfa

#endif

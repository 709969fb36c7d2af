// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_NPY_ROWS_HPP
#define QFA_IO_NPY_ROWS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/file_rows.hpp"
#include "qfa/io/file_window.hpp"
#include "qfa/io/npy_header.hpp"

namespace qfa {

/// The header at the front of a .npy file, of which all that it promises is there.  Throws, naming the file, where it
/// is not.
inline npy_header read_npy_header(file_window& file) {
  constexpr std::size_t most = longest_npy_header + 12;
  const auto front = static_cast<std::size_t>((std::min<std::uint64_t>)(file.size(), most));
  std::vector<std::byte> bytes(front);
  file.read(0, bytes);
  npy_header header = parse_npy_header(bytes, file.where());
  check_npy_length(header, file.size() - header.data_begin, file.where());
  return header;
}

/// The rows of a .npy file of two dimensions, read as floats a few at a time: the activations that another runtime
/// dumped.  Throws, naming the file, for anything but such a file of real numbers, and for one that is too short or too
/// long.
inline file_rows open_npy_rows(file_window file) {
  const npy_header header = read_npy_header(file);
  const std::string where = file.where();
  if (header.shape.size() != 2)
    fail(where + " has " + std::to_string(header.shape.size()) + " dimensions, but rows and columns are needed");
  return file_rows(std::move(file), header.data_begin, header.type, header.shape[0], header.shape[1],
                   {.big_endian = header.big_endian, .column_major = header.fortran_order});
}
inline file_rows open_npy_rows(const std::filesystem::path& path, file_access access = file_access::mapped) {
  return open_npy_rows(file_window(path, access));
}

}  // namespace qfa

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_IO_NPY_WRITER_HPP
#define QFA_IO_NPY_WRITER_HPP

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ios>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/atomic_file.hpp"
#include "qfa/io/dtype.hpp"
#include "qfa/io/in_quotes.hpp"

namespace qfa {

/// A C++ number that npy has a type for.
template <class T>
concept npy_number = std::floating_point<T> || std::integral<T>;

namespace detail {

template <npy_number T>
std::string npy_descr() {
  const char kind = std::same_as<T, bool> ? 'b' : std::floating_point<T> ? 'f' : std::signed_integral<T> ? 'i' : 'u';
  return std::string(sizeof(T) == 1 ? "|" : "<") + kind + std::to_string(sizeof(T));
}

/// A version 1 header of at least `least` bytes in all, padded so that the array is aligned to 64 bytes.
template <npy_number T>
std::string npy_header_bytes(std::span<const std::size_t> shape, std::size_t least = 0) {
  std::string tuple;
  for (const std::size_t n : shape)
    tuple += std::to_string(n) + ", ";
  if (shape.size() > 1) tuple.resize(tuple.size() - 2);
  if (shape.size() == 1) tuple.resize(tuple.size() - 1);  // (3,) is a tuple, (3) a number
  std::string out("\x93NUMPY\x01\0\0\0", 10);
  out += "{'descr': '" + npy_descr<T>() + "', 'fortran_order': False, 'shape': (" + tuple + "), }";
  const std::size_t total = ((out.size() + 1 > least ? out.size() + 1 : least) + 63) / 64 * 64;
  require(total - 10 <= (std::numeric_limits<std::uint16_t>::max)(), "an npy array has too many dimensions");
  out.resize(total - 1, ' ');
  out += '\n';
  out[8] = static_cast<char>((total - 10) & 255U);
  out[9] = static_cast<char>((total - 10) >> 8U);
  return out;
}

}  // namespace detail

/// Writes an array to a .npy file, which appears whole or not at all.  Throws where the shape does not count the
/// values, and where the file cannot be written.
template <npy_number T>
void write_npy(const std::filesystem::path& path, std::span<const std::size_t> shape, std::span<const T> values) {
  if (element_count(shape) != values.size())
    fail("the shape for " + in_quotes(path) + " does not count its " + std::to_string(values.size()) + " values");
  atomic_file file(path);
  file.write(std::as_bytes(std::span<const char>(detail::npy_header_bytes<T>(shape))));
  file.write(std::as_bytes(values));
  file.commit();
}
template <npy_number T>
void write_npy(const std::filesystem::path& path, const std::vector<std::size_t>& shape, const std::vector<T>& values) {
  write_npy<T>(path, std::span<const std::size_t>(shape), std::span<const T>(values));
}

/// Writes a .npy file of rows whose number is not known before the last one: what a model's activations are.  Memory
/// does not grow with it.  The file appears, with its shape (rows, row_shape...), at `commit`, or not at all.
template <npy_number T>
class npy_writer {
 public:
  /// Throws where a row has too many elements to count, and where the file cannot be made.
  npy_writer(const std::filesystem::path& path, std::vector<std::size_t> row_shape)
      : shape_(std::move(row_shape)), file_(path) {
    const auto count = element_count(shape_);
    require(count.has_value(), "a row of an npy file has too many elements");
    row_ = *count;
    // Written over at the end: the header of the largest number of rows leaves room for every other.
    shape_.insert(shape_.begin(), (std::numeric_limits<std::size_t>::max)());
    header_bytes_ = write_header(0);
    shape_.front() = 0;
  }

  /// Adds one row, or several that follow each other.  Throws where they are no whole rows, and where the file cannot
  /// be written.
  void append(std::span<const T> values) {
    if (row_ == 0 || values.size() % row_ != 0)
      fail("rows of " + std::to_string(row_) + " elements go into " + in_quotes(file_.path()) + ", not " +
           std::to_string(values.size()) + " elements");
    file_.write(std::as_bytes(values));
    shape_.front() += values.size() / row_;
  }

  std::size_t rows() const noexcept { return shape_.front(); }

  /// Gives the file its shape and its name.
  void commit() {
    file_.stream().seekp(0);
    write_header(header_bytes_);
    file_.commit();
  }

 private:
  std::size_t write_header(std::size_t least) {
    const std::string header = detail::npy_header_bytes<T>(shape_, least);
    file_.write(std::as_bytes(std::span<const char>(header)));
    return header.size();
  }

  std::vector<std::size_t> shape_;  // rows first
  std::size_t row_ = 0;
  std::size_t header_bytes_ = 0;
  atomic_file file_;
};

}  // namespace qfa

#endif

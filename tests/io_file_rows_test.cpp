// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/file_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "scratch.hpp"

namespace io_file_rows_test {

using namespace qfa;
using qfa_test::bytes_of;
using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

/// What element (r, c) of the made matrices holds: every one its own, exact in each type.
float value(std::size_t r, std::size_t c, std::size_t columns) { return static_cast<float>(r * columns + c) - 100.0f; }

/// A matrix of such values behind three bytes of something else.
template <class T>
std::string matrix(std::size_t rows, std::size_t columns, stored_order order) {
  std::string out = "abc";
  const auto put = [&](std::size_t r, std::size_t c) {
    std::string element = bytes_of(static_cast<T>(value(r, c, columns)));
    if (order.big_endian) std::reverse(element.begin(), element.end());
    out += element;
  };
  if (order.column_major)
    for (std::size_t c = 0; c < columns; ++c)
      for (std::size_t r = 0; r < rows; ++r)
        put(r, c);
  else
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c)
        put(r, c);
  return out + "behind";
}

template <class T>
void check_rows(dtype type, std::size_t rows, std::size_t columns, stored_order order) {
  const scratch here;
  const auto path = here.write("x", matrix<T>(rows, columns, order));
  for (const file_access access : {file_access::mapped, file_access::read}) {
    // The smallest window: the file is larger.
    file_rows file(file_window(path, access, 1), 3, type, rows, columns, order);
    CHECK(file.rows() == rows);
    CHECK(file.columns() == columns);
    for (const std::size_t first : {std::size_t{0}, rows / 2, rows - 1}) {
      const std::size_t count = rows - first;
      CAPTURE(first);
      const std::size_t stride = columns + 1;  // what is between the rows stays
      std::vector<float> out(count * stride, -7.0f);
      file.read(first, matrix_view(out.data(), count, columns, stride));
      std::size_t wrong = 0;
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t c = 0; c < columns; ++c)
          wrong += out[r * stride + c] != value(first + r, c, columns);
        wrong += out[r * stride + columns] != -7.0f;
      }
      CHECK(wrong == 0);
    }
  }
}

}  // namespace

TEST_CASE("file_rows: every row is what was stored, in every order, through windows smaller than the file") {
  for (const bool big_endian : {false, true})
    for (const bool column_major : {false, true}) {
      CAPTURE(big_endian);
      CAPTURE(column_major);
      const stored_order order{big_endian, column_major};
      check_rows<float>(dtype::f32, 2000, 7, order);
      check_rows<double>(dtype::f64, 1501, 5, order);
      check_rows<std::int16_t>(dtype::i16, 5000, 3, order);
    }
}

TEST_CASE("file_rows: a row may be longer than a window") {
  check_rows<float>(dtype::f32, 3, 40'001, {});
  check_rows<float>(dtype::f32, 3, 40'001, {.big_endian = true});
}

TEST_CASE("file_rows: rows that are not there, other widths and other types are refused") {
  const scratch here;
  const auto path = here.write("x", matrix<float>(3, 2, {}));
  file_rows file(file_window(path), 3, dtype::f32, 3, 2);
  std::vector<float> out(8);
  file.read(3, matrix_view(out.data(), 0, 2));
  check_refused([&] { file.read(2, matrix_view(out.data(), 2, 2)); }, {"x\"", "3 rows of 2"});
  check_refused([&] { file.read(4, matrix_view(out.data(), 0, 2)); }, {"x\""});
  check_refused([&] { file.read(0, matrix_view(out.data(), 2, 3)); }, {"x\"", "3 columns"});
  check_refused([&] { file_rows(file_window(path), 3, dtype::c64, 3, 1); }, {"x\"", "C64", "real"});
}

}  // namespace io_file_rows_test

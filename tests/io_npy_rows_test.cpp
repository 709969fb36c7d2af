// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/npy_rows.hpp"

#include <cstddef>
#include <filesystem>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/npy_writer.hpp"
#include "scratch.hpp"

namespace io_npy_rows_test {

using qfa_test::check_refused;
using qfa_test::scratch;

namespace {

const std::filesystem::path arrays = std::filesystem::path(QFA_TEST_DATA) / "npy";

}  // namespace

TEST_CASE("open_npy_rows: a few rows at a time, in both access modes, also after a move") {
  const scratch here;
  qfa::write_npy<double>(here.path() / "x.npy", {3, 2}, {1, 2, 3, 4, 5, 6});
  for (const qfa::file_access access : {qfa::file_access::mapped, qfa::file_access::read}) {
    qfa::file_rows first = qfa::open_npy_rows(here.path() / "x.npy", access);
    qfa::file_rows rows = std::move(first);
    CHECK(rows.rows() == 3);
    CHECK(rows.columns() == 2);
    std::vector<float> out(6, -1.0f);
    rows.read(1, qfa::matrix_view(out.data(), 2, 2, 3));  // a wider buffer keeps what is between
    CHECK(out == std::vector<float>{3, 4, -1, 5, 6, -1});
    rows.read(3, qfa::matrix_view(out.data(), 0, 2));
  }
}

TEST_CASE("open_npy_rows: Fortran order and big-endian numbers are turned around") {
  qfa::file_rows rows = qfa::open_npy_rows(arrays / "fortran_be.npy");
  std::vector<float> out(4);
  rows.read(1, qfa::matrix_view(out.data(), 1, 4));
  CHECK(out == std::vector<float>{4, 5, 6, 7});
}

TEST_CASE("open_npy_rows: rows that are not there, and other widths, are refused") {
  const scratch here;
  qfa::write_npy<float>(here.path() / "x.npy", {3, 2}, {1, 2, 3, 4, 5, 6});
  qfa::file_rows rows = qfa::open_npy_rows(here.path() / "x.npy");
  std::vector<float> out(8);
  check_refused([&] { rows.read(2, qfa::matrix_view(out.data(), 2, 2)); }, {"x.npy", "3 rows of 2"});
  check_refused([&] { rows.read(4, qfa::matrix_view(out.data(), 0, 2)); }, {"x.npy"});
  check_refused([&] { rows.read(0, qfa::matrix_view(out.data(), 2, 3)); }, {"x.npy", "3 columns"});
}

TEST_CASE("open_npy_rows: other than two dimensions, complex numbers and short files are refused") {
  check_refused([] { qfa::open_npy_rows(arrays / "vector.npy"); }, {"vector.npy", "1 dimensions"});
  check_refused([] { qfa::open_npy_rows(arrays / "le_f4.npy"); }, {"le_f4.npy", "3 dimensions"});
  const scratch here;
  qfa::write_npy<float>(here.path() / "x.npy", {3, 2}, {1, 2, 3, 4, 5, 6});
  const std::string bytes = qfa_test::slurp(here.path() / "x.npy");
  const auto cut = here.write("cut.npy", bytes.substr(0, bytes.size() - 1));
  check_refused([&] { qfa::open_npy_rows(cut); }, {"cut.npy", "24 bytes", "23"});
  check_refused([&] { qfa::open_npy_rows(here.write("long.npy", bytes + "x")); }, {"long.npy", "24 bytes", "25"});
  check_refused([&] { qfa::open_npy_rows(here.write("front.npy", bytes.substr(0, 40))); }, {"front.npy", "header"});
  check_refused([&] { qfa::open_npy_rows(here.write("empty.npy", "")); }, {"empty.npy"});
  qfa::write_npy<double>(here.path() / "c.npy", {2, 2}, {1, 2, 3, 4});
  std::string complex = qfa_test::slurp(here.path() / "c.npy");
  complex.replace(complex.find("<f8"), 3, "<c8");
  check_refused([&] { qfa::open_npy_rows(here.write("c.npy", complex)); }, {"c.npy", "C64", "real"});
}

}  // namespace io_npy_rows_test

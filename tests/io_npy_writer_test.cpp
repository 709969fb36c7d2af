// SPDX-License-Identifier: Apache-2.0
#include "qfa/io/npy_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "qfa/io/npy.hpp"
#include "scratch.hpp"

namespace io_npy_writer_test {

using qfa_test::check_refused;
using qfa_test::scratch;

TEST_CASE_TEMPLATE("write_npy: what is written is read back", T, float, double, std::int64_t, std::uint16_t,
                   std::int8_t) {
  const scratch here;
  const std::vector<T> values{T{1}, T{2}, T{3}, T{4}, T{5}, T{6}};
  qfa::write_npy<T>(here.path() / "x.npy", {2, 3}, values);
  const qfa::npy_array read = qfa::read_npy(here.path() / "x.npy");
  CHECK(read.type == qfa::dtype_of<T>());
  CHECK(read.shape == std::vector<std::size_t>{2, 3});
  CHECK(qfa::as_floats(read) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(here.files() == 1);
}

TEST_CASE("write_npy: the bytes are those that numpy writes") {
  const scratch here;
  qfa::write_npy<float>(here.path() / "x.npy", {5}, {0, 1, 2, 3, 4});
  CHECK(qfa_test::slurp(here.path() / "x.npy") == qfa_test::slurp(std::string(QFA_TEST_DATA) + "/npy/vector.npy"));
  qfa::write_npy<double>(here.path() / "x.npy", {}, {2.5});
  CHECK(qfa_test::slurp(here.path() / "x.npy") == qfa_test::slurp(std::string(QFA_TEST_DATA) + "/npy/scalar.npy"));
}

TEST_CASE("write_npy: a shape that does not count the values is refused, and nothing is left") {
  const scratch here;
  check_refused([&] { qfa::write_npy<float>(here.path() / "x.npy", {2, 2}, {1, 2, 3}); }, {"x.npy", "3 values"});
  CHECK(here.files() == 0);
}

TEST_CASE("npy_writer: rows appended one at a time or several at once make one array") {
  const scratch here;
  qfa::npy_writer<float> out(here.path() / "x.npy", {3});
  out.append(std::vector<float>{1, 2, 3});
  out.append(std::vector<float>{4, 5, 6, 7, 8, 9});
  out.append(std::vector<float>{});
  CHECK(out.rows() == 3);
  CHECK(!std::filesystem::exists(here.path() / "x.npy"));
  out.commit();
  const qfa::npy_array read = qfa::read_npy(here.path() / "x.npy");
  CHECK(read.shape == std::vector<std::size_t>{3, 3});
  CHECK(qfa::as_floats(read) == std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(here.files() == 1);
}

TEST_CASE("npy_writer: no rows, rows of one number and rows of several dimensions have their shapes") {
  const scratch here;
  const auto shape_after = [&](std::vector<std::size_t> row, const std::vector<double>& values) {
    qfa::npy_writer<double> out(here.path() / "x.npy", std::move(row));
    out.append(values);
    out.commit();
    return qfa::read_npy(here.path() / "x.npy").shape;
  };
  CHECK(shape_after({4}, {}) == std::vector<std::size_t>{0, 4});
  CHECK(shape_after({}, {1, 2}) == std::vector<std::size_t>{2});
  CHECK(shape_after({2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}) == std::vector<std::size_t>{2, 2, 2});
}

TEST_CASE("npy_writer: a broken row is refused, and without a commit nothing is left behind") {
  const scratch here;
  {
    qfa::npy_writer<float> out(here.path() / "x.npy", {3});
    out.append(std::vector<float>{1, 2, 3});
    check_refused([&] { out.append(std::vector<float>{1, 2}); }, {"x.npy", "3 elements", "2 elements"});
    CHECK(here.files() == 1);
  }
  CHECK(here.files() == 0);
}

}  // namespace io_npy_writer_test

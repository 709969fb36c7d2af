// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/read_group_shifts.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "qfa/io/npy_writer.hpp"
#include "scratch.hpp"

namespace audit_read_group_shifts_test {

using namespace qfa;

TEST_CASE("read_group_shifts: each condition has its own, and what is not there is empty") {
  const qfa_test::scratch here;
  const std::filesystem::path path = here.path() / "groups.npy";
  CHECK(read_group_shifts(path, 2).groups == 0);
  std::vector<float> values;
  for (int i = 0; i < 2 * 3 * 5; ++i)
    values.push_back(static_cast<float>(i));
  write_npy<float>(path, {2, 3, 5}, values);
  const group_shifts all = read_group_shifts(path, 2);
  CHECK(all.groups == 3);
  CHECK(all.features == 5);
  CHECK(all.values == values);
  REQUIRE(all.of(1).size() == 15);
  CHECK(all.of(0)[14] == 14.0f);
  CHECK(all.of(1)[0] == 15.0f);
  write_npy<float>(path, {0, 0, 5}, {});  // as of an audit that has no groups
  CHECK(read_group_shifts(path, 2).groups == 0);
}

TEST_CASE("read_group_shifts: another number of conditions, dimensions or another type is refused by name") {
  const qfa_test::scratch here;
  const std::filesystem::path path = here.path() / "groups.npy";
  const std::vector<float> values(30);
  const auto read = [&] { read_group_shifts(path, 2); };
  write_npy<float>(path, {3, 2, 5}, values);
  qfa_test::check_refused(read, {"groups.npy", "expected 2 x groups x features of float32"});
  write_npy<float>(path, {6, 5}, values);
  qfa_test::check_refused(read, {"groups.npy", "expected 2 x groups"});
  write_npy<double>(path, {2, 3, 5}, std::vector<double>(30));
  qfa_test::check_refused(read, {"groups.npy", "of float32"});
  here.write("groups.npy", "no array");
  qfa_test::check_refused(read, {"groups.npy"});
}

TEST_CASE("group_shifts: those of a condition that is not there are refused") {
  const group_shifts all{1, 2, {1.0f, 2.0f, 3.0f, 4.0f}};
  CHECK(all.of(1)[0] == 3.0f);
  qfa_test::check_refused([&] { (void)all.of(2); }, {"not there"});
}

}  // namespace audit_read_group_shifts_test

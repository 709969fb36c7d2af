// SPDX-License-Identifier: Apache-2.0
#include "qfa/report/group_shifts.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "qfa/core/error.hpp"
#include "qfa/io/npy.hpp"
#include "scratch.hpp"

namespace report_group_shifts_test {

using namespace qfa;

TEST_CASE("write_group_shifts: the shifts of every condition but the reference, in the report's order") {
  const qfa_test::scratch here;
  audit_result a;
  a.d_sae = 2;
  a.conditions.resize(3);
  a.conditions[0].reference = true;
  for (std::size_t i = 0; i < 3; ++i) {
    leave_one_out& r = a.conditions[i].by_honest.correlations;
    r.groups = 3;
    for (std::size_t k = 0; k < 6; ++k)
      r.shift.push_back(static_cast<float>(10 * i + k));
  }
  write_group_shifts(a, here.path() / "groups.npy");
  const npy_array read = read_npy(here.path() / "groups.npy");
  CHECK(read.shape == std::vector<std::size_t>{2, 3, 2});
  CHECK(as_floats(read) == std::vector<float>{10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25});
  a.conditions[2].by_honest.correlations.shift.pop_back();
  CHECK_THROWS_AS(write_group_shifts(a, here.path() / "groups.npy"), error);
  a.conditions.clear();
  write_group_shifts(a, here.path() / "groups.npy");
  CHECK(as_floats(read_npy(here.path() / "groups.npy")).empty());
}

}  // namespace report_group_shifts_test

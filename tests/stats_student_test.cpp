// SPDX-License-Identifier: Apache-2.0
#include "qfa/stats/student.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace stats_student_test {

using doctest::Approx;

TEST_CASE("student_quantile: known values at whole and broken degrees of freedom") {
  // From the incomplete beta function in 30 digits (mpmath).  scipy 1.10 is off by up to 4e-10 here.
  struct row {
    double dof, at_95, at_99, tail;  // tail: of 2.5
  };
  for (const row& r : {row{1.0, 12.706204736174705, 63.656741162871581, 0.1211189415908434},
                       row{4.0, 2.7764451051977944, 4.6040948713499932, 0.033383272405994073},
                       row{7.3, 2.3450667365477036, 3.4510316556221852, 0.019825117332800235},
                       row{23.0, 2.0686576104190487, 2.807335683769999, 0.0099970611639435418},
                       row{63.0, 1.9983405425207416, 2.6561450250998617, 0.007517602155566213},
                       row{1e6, 1.959966356814107, 2.5758342201053342, 0.0062097447510816231}}) {
    CAPTURE(r.dof);
    CHECK(qfa::student_quantile(0.95, r.dof) == Approx(r.at_95).epsilon(1e-12));
    CHECK(qfa::student_quantile(0.99, r.dof) == Approx(r.at_99).epsilon(1e-12));
    CHECK(qfa::student_upper_tail(2.5, r.dof) == Approx(r.tail).epsilon(1e-12));
    CHECK(qfa::student_upper_tail(-2.5, r.dof) == Approx(1.0 - r.tail).epsilon(1e-12));
    CHECK(qfa::student_upper_tail(qfa::student_quantile(0.9, r.dof), r.dof) == Approx(0.05).epsilon(1e-12));
  }
}

TEST_CASE("student: infinities are certain, and what is not a distribution is NaN") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  CHECK(qfa::student_upper_tail(infinite, 3.0) == 0.0);
  CHECK(qfa::student_upper_tail(-infinite, 3.0) == 1.0);
  CHECK(qfa::student_upper_tail(0.0, 3.0) == 0.5);
  for (const double dof : {0.0, -1.0, std::nan("")}) {
    CHECK(std::isnan(qfa::student_quantile(0.95, dof)));
    CHECK(std::isnan(qfa::student_upper_tail(1.0, dof)));
  }
  for (const double level : {0.0, 1.0, -0.5, std::nan("")})
    CHECK(std::isnan(qfa::student_quantile(level, 3.0)));
  CHECK(std::isnan(qfa::student_upper_tail(std::nan(""), 3.0)));
}

}  // namespace stats_student_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/negated_error.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "compress_controlled_policies.hpp"
#include "pruner_laws.hpp"
#include "qfa/compress/magnitude_pruner.hpp"
#include "qfa/compress/rtn.hpp"

namespace compress_negated_error_test {

using qfa::any_policy;
using qfa::negated_error;
using qfa::rtn;
using qfa_test::compressed;
using qfa_test::matrix;

TEST_CASE("negated_error: what the policy takes is added, and the other way round") {
  // bits = 2 leaves -4, 0 and 4: 1 -> 0 becomes 2, 3 -> 4 becomes 2.
  CHECK(compressed(qfa_test::row_matrix({4, 1, 3, -3}), negated_error{rtn{.bits = 2}}).values ==
        std::vector<float>{4, 2, 2, -2});
  CHECK(compressed(qfa_test::row_matrix({4, 1, -3}), negated_error{qfa::magnitude_pruner{.sparsity = 0.7}}).values ==
        std::vector<float>{4, 2, -6});
}

TEST_CASE("negated_error: the weights lie halfway between it and the policy's") {
  const matrix w = qfa_test::random_matrix(20, 40);
  const matrix there = compressed(w, rtn{.bits = 5}), back = compressed(w, negated_error{rtn{.bits = 5}});
  for (std::size_t i = 0; i < w.values.size(); ++i)
    CHECK(static_cast<double>(there.values[i]) + static_cast<double>(back.values[i]) ==
          doctest::Approx(2.0 * static_cast<double>(w.values[i])).epsilon(1e-6));
}

TEST_CASE("negated_error: a result beyond the range of float is refused by name, and the weights are left alone") {
  matrix w = qfa_test::row_matrix({3e38f, 1});
  const any_policy turned([](qfa::matrix_view<float> v) { v(0, 0) = 1e38f; }, "turned");
  qfa_test::check_refused([&] { negated_error{turned}(w.view(), {.name = "up"}); },
                          {"negate", "\"up\"", "range of float"});
  CHECK(w.values == std::vector<float>{3e38f, 1});
}

TEST_CASE("negated_error: it owes what every policy and every control owes, and says what it is") {
  qfa_test::check_pruner_laws(negated_error{rtn{.bits = 4}}, {.name = "up"});
  qfa_test::check_control_laws([](const any_policy& policy) { return negated_error{policy}; });
  CHECK(negated_error{rtn{.bits = 6}}.name() == "negate:of=(rtn:bits=6)");
  // Calibration arrives: |x| sums of 0, 1, 2 are taken away instead of added.
  matrix w = qfa_test::row_matrix({5, 5, 5});
  const qfa::calibration known = qfa_test::counting_inputs(3);
  qfa::apply_policy(negated_error{any_policy(qfa_test::calibrated_shift{})}, w.view(), {}, &known);
  CHECK(w.values == std::vector<float>{5, 4, 3});
}

}  // namespace compress_negated_error_test

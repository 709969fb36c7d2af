// SPDX-License-Identifier: Apache-2.0
#include "qfa/cache/learned_scale.hpp"

#include <limits>

#include <doctest/doctest.h>

#include "cache_matrices.hpp"

namespace cache_learned_scale_test {

TEST_CASE("learned_scale: the largest magnitude of all rows, and 1 of nothing to speak of") {
  qfa_test::matrix m{2, 2, {1.0f, -2.0f, 896.0f, 3.0f}};
  CHECK(qfa::learned_scale(m.view(), 448.0f) == 2.0f);
  m.values = {0.0f, -1344.0f, 3.0f, 0.0f};
  CHECK(qfa::learned_scale(m.view(), 448.0f) == 3.0f);
  m.values = {0.0f, 0.0f, 0.0f, 0.0f};
  CHECK(qfa::learned_scale(m.view(), 448.0f) == 1.0f);
  m.values = {1e-36f, 0.0f, 0.0f, 0.0f};
  CHECK(qfa::learned_scale(m.view(), 2688.0f) == 1.0f);
}

TEST_CASE("check_scale: what cannot be divided by is refused by name") {
  qfa::check_scale("a scale", 0x1p-110f);
  qfa::check_scale("a scale", 1e30f);
  for (const float bad :
       {0.0f, -1.0f, 0x1p-111f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    qfa_test::check_refused([&] { qfa::check_scale("vllm's key_scale", bad); }, {"vllm's key_scale", "2^-110"});
  qfa_test::check_refused([] { qfa::fail_unlearned("modelopt", {.layer = 4}); },
                          {"modelopt", "layer 4", "calibration"});
}

}  // namespace cache_learned_scale_test

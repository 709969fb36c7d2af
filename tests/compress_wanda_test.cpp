// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/wanda.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"

namespace compress_wanda_test {

using qfa::wanda;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::oracle_layer;

TEST_CASE("wanda: rows and patterns lose what the float64 reference takes") {
  const std::vector<std::pair<std::string, wanda>> variants{{"0.3", {.sparsity = 0.3}},
                                                            {"0.5", {}},
                                                            {"0.6", {.sparsity = 0.6}},
                                                            {"2_4", {.zeroed = 2, .of = 4}},
                                                            {"4_8", {.zeroed = 4, .of = 8}}};
  for (const auto& [name, policy] : variants) {
    const matrix q = compressed(oracle_layer().weights, policy, oracle_layer().known);
    qfa_test::check_values(q.values, "wanda." + name + ".values");
    const double tokens = static_cast<double>(oracle_layer().known.inputs.tokens());
    CHECK(qfa_test::error_of(oracle_layer(), q) / tokens ==
          doctest::Approx(qfa_test::oracle("wanda." + name + ".objective").front()).epsilon(1e-6));
  }
}

TEST_CASE("wanda: a small weight on a large input outlives a larger one, and of equals the first goes") {
  const matrix x{2, 4, {1, 4, -1, 1, 1, 4, 1, -1}};
  const matrix w{2, 4, {2, -1, 3, -2, 1, 0, -1, 1}};
  const auto known = qfa_test::calibrated_by(x, w, false);
  CHECK(compressed(w, wanda{}, known).values == std::vector<float>{0, -1, 3, 0, 0, 0, -1, 1});
  CHECK(compressed(w, wanda{.sparsity = 0.3}, known).values == std::vector<float>{0, -1, 3, -2, 1, 0, -1, 1});
  CHECK(compressed(w, wanda{.zeroed = 1, .of = 2}, known).values == std::vector<float>{0, -1, 3, 0, 1, 0, 0, 1});
}

TEST_CASE("wanda: it keeps the laws of calibrated policies") {
  for (const wanda& policy : {wanda{}, wanda{.sparsity = 0.01}, wanda{.sparsity = 1.0}, wanda{.zeroed = 1, .of = 3}})
    qfa_test::check_calibrated_laws(policy, "wanda");
}

TEST_CASE("wanda: it says what it is, and refuses what makes no sense") {
  CHECK(wanda{.sparsity = 0.25}.name() == "wanda:sparsity=0.25");
  CHECK(wanda{.zeroed = 2, .of = 4}.name() == "wanda:zeroed=2,of=4");
  check_refused([] { wanda{.sparsity = -0.1}.validate(); }, {"wanda's sparsity"});
  const auto of = qfa_test::made_up_layer(3, 10);
  check_refused([&] { compressed(of.weights, wanda{.zeroed = 2, .of = 4}, of.known, {.name = "w"}); },
                {"wanda", "of=4", "\"w\"", "10"});
}

}  // namespace compress_wanda_test

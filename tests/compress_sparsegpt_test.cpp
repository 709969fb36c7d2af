// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/sparsegpt.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "calibrated_layers.hpp"
#include "qfa/compress/magnitude_pruner.hpp"

namespace compress_sparsegpt_test {

using qfa::sparsegpt;
using qfa_test::check_refused;
using qfa_test::compressed;
using qfa_test::error_of;
using qfa_test::matrix;
using qfa_test::oracle_layer;

namespace {

struct variant {
  std::string name;
  std::string baseline;
  sparsegpt policy;
};

std::vector<variant> variants() {
  return {{"half_block128", "half", {}},
          {"half_block16", "half", {.block = 16}},
          {"2_4", "2_4", {.zeroed = 2, .of = 4}},
          {"half_sym4", "half_sym4", {.bits = 4}}};
}

std::size_t zeros(std::span<const float> values) { return static_cast<std::size_t>(std::ranges::count(values, 0.0f)); }

}  // namespace

TEST_CASE("sparsegpt: every value and every zero is the float64 reference's") {
  for (const variant& v : variants()) {
    const matrix q = compressed(oracle_layer().weights, v.policy, oracle_layer().known);
    qfa_test::check_values(q.values, "sparsegpt." + v.name + ".values");
    const std::vector<double> kept = qfa_test::oracle("sparsegpt." + v.name + ".kept");
    std::size_t wrong = 0;  // what is kept may be 0 by itself, what is pruned must be
    for (std::size_t i = 0; i < kept.size(); ++i)
      wrong += kept[i] == 0.0 && q.values[i] != 0.0f ? 1U : 0U;
    CHECK(wrong == 0);
  }
}

TEST_CASE("sparsegpt: the output error is the reference's, and below that of pruning by magnitude") {
  const double tokens = static_cast<double>(oracle_layer().known.inputs.tokens());
  for (const variant& v : variants()) {
    CAPTURE(v.name);
    const double error = error_of(oracle_layer(), compressed(oracle_layer().weights, v.policy, oracle_layer().known));
    CHECK(error / tokens ==
          doctest::Approx(qfa_test::oracle("sparsegpt." + v.name + ".objective").front()).epsilon(1e-6));
    CHECK(error / tokens < qfa_test::oracle("magnitude." + v.baseline + ".objective").front());
  }
  const auto of = qfa_test::made_up_layer(30, 90);
  for (const double sparsity : {0.2, 0.5, 0.8})
    CHECK(error_of(of, compressed(of.weights, sparsegpt{.sparsity = sparsity}, of.known)) <
          error_of(of, compressed(of.weights, qfa::magnitude_pruner{sparsity}, of.known)));
}

TEST_CASE("sparsegpt: by pattern the size of blocks changes nothing beyond rounding") {
  const auto of = qfa_test::made_up_layer(12, 60);
  const matrix one_block = compressed(of.weights, sparsegpt{.zeroed = 3, .of = 6}, of.known);
  for (const std::size_t block : {1U, 7U, 20U}) {
    const matrix q = compressed(of.weights, sparsegpt{.zeroed = 3, .of = 6, .block = block}, of.known);
    for (std::size_t i = 0; i < q.values.size(); ++i)
      CHECK(q.values[i] == doctest::Approx(one_block.values[i]).epsilon(1e-6));
  }
}

TEST_CASE("sparsegpt: as many go as were asked for") {
  const auto of = qfa_test::made_up_layer(10, 48, 200, 9);
  const auto pruned = [&](const sparsegpt& policy) { return compressed(of.weights, policy, of.known); };
  CHECK(zeros(pruned({.sparsity = 0.0}).values) == 10);  // the column without any input
  CHECK(zeros(pruned({.sparsity = 1.0}).values) == 480);
  CHECK(zeros(pruned({.sparsity = 0.5}).values) == 241);   // one more, as the threshold goes too
  CHECK(zeros(pruned({.sparsity = 0.51}).values) == 245);  // int(244.8) + 1
  CHECK(zeros(pruned({.sparsity = 0.25, .block = 24}).values) == 2 * 61);
  const matrix q = pruned({.zeroed = 3, .of = 8});
  for (std::size_t r = 0; r < 10; ++r)
    for (std::size_t first = 0; first < 48; first += 8)
      CHECK(zeros(q.view().row(r).subspan(first, 8)) == 3);
}

TEST_CASE("sparsegpt: it keeps the laws of calibrated policies") {
  for (const variant& v : variants())
    qfa_test::check_calibrated_laws(v.policy, "sparsegpt");
  qfa_test::check_calibrated_laws(sparsegpt{.zeroed = 1, .of = 3, .bits = 3, .symmetric = false, .block = 7},
                                  "sparsegpt");
}

TEST_CASE("sparsegpt: options that make no sense, and columns that no pattern divides, are refused") {
  check_refused([] { sparsegpt{.sparsity = 1.5}.validate(); }, {"sparsegpt's sparsity", "between 0 and 1"});
  check_refused([] { sparsegpt{.bits = 1}.validate(); }, {"sparsegpt's bits", "2 and 8"});
  check_refused([] { sparsegpt{.damping = 0.0}.validate(); }, {"sparsegpt's damping"});
  check_refused([] { sparsegpt{.block = 0}.validate(); }, {"block"});
  check_refused([] { sparsegpt{.symmetric = false}.validate(); }, {"symmetric=false", "bits"});
  const auto of = qfa_test::made_up_layer(3, 10);
  check_refused([&] { compressed(of.weights, sparsegpt{.zeroed = 2, .of = 4}, of.known, {.name = "w"}); },
                {"sparsegpt", "of=4", "\"w\"", "10"});
}

TEST_CASE("sparsegpt: it says what it is, and how many bits it takes") {
  CHECK(sparsegpt{}.name() == "sparsegpt:sparsity=0.5");
  CHECK(sparsegpt{.zeroed = 2, .of = 4, .bits = 4}.name() == "sparsegpt:zeroed=2,of=4,bits=4");
  CHECK_FALSE(sparsegpt{}.stored_bits(4, 8).has_value());
  CHECK(sparsegpt{.sparsity = 0.0, .bits = 4}.stored_bits(4, 8) == 32 * 4 + 4 * 20);
  CHECK(sparsegpt{.bits = 4}.stored_bits(4, 8) == 32 + 16 * 4 + 4 * 20);
  CHECK(sparsegpt{.zeroed = 1, .of = 4, .bits = 3}.stored_bits(4, 8) == 32 + 24 * 3 + 4 * 19);
}

}  // namespace compress_sparsegpt_test

// SPDX-License-Identifier: Apache-2.0
#include "qfa/compress/magnitude_pruner.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pruner_laws.hpp"
#include "qfa/compress/chain.hpp"
#include "qfa/compress/rtn.hpp"
#include "qfa/core/half.hpp"
#include "scratch.hpp"

namespace compress_magnitude_pruner_test {

using qfa::magnitude_pruner;
using qfa_test::compressed;
using qfa_test::matrix;
using qfa_test::random_matrix;
using qfa_test::row_matrix;
using qfa_test::same_bits;
using qfa_test::torch_matrix;

namespace {

std::ptrdiff_t zeros(const matrix& m) { return std::ranges::count(m.values, 0.0f); }

}  // namespace

TEST_CASE("magnitude_pruner: it prunes what torch prunes, ties included") {
  const matrix small = torch_matrix("small");
  for (const std::string sparsity : {"0", "0.005", "0.175", "0.29", "0.57", "0.8", "1"}) {
    CAPTURE(sparsity);
    CHECK(same_bits(compressed(small, magnitude_pruner{std::stod(sparsity)}).values,
                    torch_matrix("prune.small." + sparsity).values));
  }
  const matrix weights = torch_matrix("weights");
  matrix coarse = weights;
  for (float& w : coarse.values) w = qfa::round_to_bf16(w);
  for (const std::string sparsity : {"0.0005", "0.1625", "0.175", "0.5"}) {
    CAPTURE(sparsity);
    const magnitude_pruner policy{std::stod(sparsity)};
    CHECK(same_bits(compressed(weights, policy).values, torch_matrix("prune.fp32." + sparsity).values));
    CHECK(same_bits(compressed(coarse, policy).values, torch_matrix("prune.bf16." + sparsity).values));
  }
}

TEST_CASE("magnitude_pruner: weights that tie with the k-th go, on both sides of the cut and of zero") {
  // k = 2 of 6; the second smallest ties with the third and fourth.
  const matrix m = row_matrix({3, -1, 0.5f, 1, -1, 2});
  CHECK(compressed(m, magnitude_pruner{0.34}).values == std::vector<float>{3, 0, 0, 0, 0, 2});
  // k = 1: the cut lies below the ties, none of them goes.
  CHECK(compressed(m, magnitude_pruner{0.17}).values == std::vector<float>{3, -1, 0, 1, -1, 2});
  // k = 4: exactly the ties.  k = 5: one more.
  CHECK(compressed(m, magnitude_pruner{0.67}).values == std::vector<float>{3, 0, 0, 0, 0, 2});
  CHECK(compressed(m, magnitude_pruner{0.84}).values == std::vector<float>{3, 0, 0, 0, 0, 0});
}

TEST_CASE("magnitude_pruner: k is the floor, as Python's int has it, and k = 0 prunes nothing") {
  std::vector<float> distinct(100);
  for (std::size_t i = 0; i < distinct.size(); ++i) distinct[i] = static_cast<float>(i + 1);
  const matrix m{10, 10, distinct};
  CHECK(zeros(compressed(m, magnitude_pruner{0.29})) == 28);  // 0.29 * 100 is 28.999999999999996 in double
  CHECK(zeros(compressed(m, magnitude_pruner{0.57})) == 56);
  CHECK(zeros(compressed(m, magnitude_pruner{0.175})) == 17);
  CHECK(zeros(compressed(m, magnitude_pruner{0.5})) == 50);
  CHECK(zeros(compressed(m, magnitude_pruner{0.01})) == 1);
  CHECK(zeros(compressed(m, magnitude_pruner{0.0099})) == 0);
  CHECK(zeros(compressed(m, magnitude_pruner{0.0})) == 0);
  CHECK(zeros(compressed(m, magnitude_pruner{1.0})) == 100);
  // Not even a weight that is the smallest of all, nor a zero's sign.
  CHECK(same_bits(compressed(row_matrix({-0.0f, 5}), magnitude_pruner{0.4}).values, std::vector<float>{-0.0f, 5}));
}

TEST_CASE("magnitude_pruner: the threshold belongs to the whole tensor, not to a row") {
  const matrix m{2, 2, {1, 2, 30, 40}};
  CHECK(compressed(m, magnitude_pruner{0.5}).values == std::vector<float>{0, 0, 30, 40});
}

TEST_CASE("magnitude_pruner: pruning twice prunes nothing more, and what is left is unchanged") {
  const matrix weights = random_matrix(20, 30);
  for (const double sparsity : {0.1, 0.175, 0.5, 0.8}) {
    const matrix once = compressed(weights, magnitude_pruner{sparsity});
    CHECK(same_bits(compressed(once, magnitude_pruner{sparsity}).values, once.values));
    std::size_t changed = 0;
    for (std::size_t i = 0; i < once.values.size(); ++i)
      changed += once.values[i] != 0.0f && once.values[i] != weights.values[i] ? 1U : 0U;
    CHECK(changed == 0);
  }
}

TEST_CASE("magnitude_pruner: a view into a fused tensor is treated as a copy of it would be") {
  qfa_test::check_in_place(magnitude_pruner{0.3}, 4, 3);
  qfa_test::check_in_place(magnitude_pruner{1.0}, 4, 3);
}

TEST_CASE("magnitude_pruner: a fused tensor and its parts are pruned differently") {
  // Queries ten times the size of keys: together the keys go first.
  matrix fused = random_matrix(8, 16);
  for (std::size_t r = 0; r < 4; ++r)
    for (float& w : fused.view().row(r)) w *= 10.0f;
  const matrix together = compressed(fused, magnitude_pruner{0.25});
  matrix apart = fused;
  magnitude_pruner{0.25}(apart.view().rows_between(0, 4));
  magnitude_pruner{0.25}(apart.view().rows_between(4, 8));
  CHECK_FALSE(same_bits(together.values, apart.values));
  CHECK(zeros(apart) == 32);
  CHECK(std::count(together.values.begin(), together.values.begin() + 64, 0.0f) < 8);
}

TEST_CASE("magnitude_pruner: a sparsity that is no share, and weights that are not finite, are refused") {
  matrix m = random_matrix(3, 4);
  for (const double bad : {-0.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    qfa_test::check_refused([&] { magnitude_pruner{bad}(m.view()); }, {"sparsity", "between 0 and 1"});
  m.view()(2, 3) = std::numeric_limits<float>::quiet_NaN();
  const matrix before = m;
  qfa_test::check_refused([&] { magnitude_pruner{0.5}(m.view(), {.name = "down"}); }, {"down", "row 2", "not finite"});
  CHECK(same_bits(m.values, before.values));
}

TEST_CASE("magnitude_pruner: an empty matrix is no trouble") {
  matrix none{0, 5, {}};
  CHECK(compressed(none, magnitude_pruner{1.0}).values.empty());
}

TEST_CASE("magnitude_pruner: the oracle's bits by both rules, per tensor and per row, through ties") {
  const matrix weights = qfa_test::pruned_matrix("weights");
  for (const std::string text : qfa_test::pruned_sparsities) {
    CAPTURE(text);
    const double sparsity = std::stod(text);
    const matrix paper = compressed(weights, magnitude_pruner{sparsity});
    CHECK(same_bits(paper.values, qfa_test::pruned_matrix("paper." + text).values));
    CHECK(same_bits(paper.values, qfa_test::pruned_matrix("llmc." + text).values));
    const magnitude_pruner wanda{.sparsity = sparsity, .rule = qfa::pruning_rule::wanda};
    CHECK(same_bits(compressed(weights, wanda).values, qfa_test::pruned_matrix("wanda_repo." + text).values));
    const magnitude_pruner by_row{.sparsity = sparsity, .per = qfa::weight_scope::row};
    CHECK(same_bits(compressed(weights, by_row).values, qfa_test::pruned_matrix("row." + text).values));
  }
  const matrix distinct = qfa_test::pruned_matrix("distinct");
  CHECK(same_bits(compressed(distinct, magnitude_pruner{0.25}).values,
                  qfa_test::pruned_matrix("paper.distinct").values));
  CHECK(same_bits(compressed(distinct, magnitude_pruner{.sparsity = 0.25, .rule = qfa::pruning_rule::wanda}).values,
                  qfa_test::pruned_matrix("wanda_repo.distinct").values));
}

TEST_CASE("magnitude_pruner: per row each row has its own cut, by either rule") {
  const matrix m{2, 4, {1, 2, 3, 4, 10, 40, 20, 30}};
  const auto by_row = [&](double sparsity, qfa::pruning_rule rule) {
    return compressed(m, magnitude_pruner{sparsity, qfa::weight_scope::row, rule}).values;
  };
  CHECK(by_row(0.5, qfa::pruning_rule::paper) == std::vector<float>{0, 0, 3, 4, 0, 40, 0, 30});
  CHECK(by_row(0.5, qfa::pruning_rule::wanda) == std::vector<float>{0, 0, 0, 4, 0, 40, 0, 0});
  CHECK(by_row(0.2, qfa::pruning_rule::paper) == m.values);
  CHECK(by_row(1.0, qfa::pruning_rule::wanda) == std::vector<float>(8, 0.0f));
  qfa_test::check_pruner_laws(magnitude_pruner{0.3, qfa::weight_scope::row, qfa::pruning_rule::wanda}, {.name = "up"});
}

TEST_CASE("magnitude_pruner: what is pruned stays zero when the rest is quantized, and only the rest sets the scale") {
  const matrix m = random_matrix(8, 64);
  const matrix pruned = compressed(m, magnitude_pruner{.sparsity = 0.5, .per = qfa::weight_scope::row});
  const matrix both = compressed(m, qfa::chain{magnitude_pruner{.sparsity = 0.5, .per = qfa::weight_scope::row},
                                               qfa::rtn{.bits = 4}});
  // The largest weight of a row is kept, so that the scale is what it was: quantizing first gives the kept ones alike.
  const matrix quantized = compressed(m, qfa::rtn{.bits = 4});
  for (std::size_t i = 0; i < m.values.size(); ++i)
    CHECK(both.values[i] == (pruned.values[i] == 0.0f ? 0.0f : quantized.values[i]));
}

TEST_CASE("magnitude_pruner: it says what it is") {
  CHECK(magnitude_pruner{0.175}.name() == "prune:sparsity=0.175");
  CHECK(magnitude_pruner{0.5, qfa::weight_scope::row, qfa::pruning_rule::wanda}.name() ==
        "prune:sparsity=0.5,per=row,rule=wanda");
}

}  // namespace compress_magnitude_pruner_test

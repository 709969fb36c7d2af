// SPDX-License-Identifier: Apache-2.0
#include "qfa/model/loss_sums.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "laws.hpp"
#include "scratch.hpp"

namespace model_loss_sums_test {

using namespace qfa;
using qfa_test::check_refused;

TEST_CASE("loss_sums: the merge laws hold over every cut") {
  const auto close = [](const loss_sum& a, const loss_sum& b) {
    return a.tokens == b.tokens && std::fabs(a.nats - b.nats) < 1e-12;
  };
  qfa_test::check_merge_laws(std::vector<double>{1.0, 0.25, 3.5, 0.1, 2.0}, loss_sum{}, close);
  const auto near_enough = [&](const comparison_sum& a, const comparison_sum& b) {
    return close(a.reference, b.reference) && close(a.compressed, b.compressed) && a.same_top == b.same_top &&
           std::fabs(a.kl_nats - b.kl_nats) < 1e-12;
  };
  const std::vector<token_comparison> tokens{{1.0, 2.0, 0.5, true}, {0.1, 0.2, 0.01, false}, {3.0, 2.0, 0.7, true}};
  qfa_test::check_merge_laws(tokens, comparison_sum{}, near_enough);
}

TEST_CASE("loss_sums: perplexity is exp of the mean over tokens, not the mean of exps") {
  loss_sum sum;
  CHECK(std::isnan(sum.mean()));
  CHECK(std::isnan(sum.perplexity()));
  sum(1.0);
  sum(3.0);
  CHECK(sum.mean() == 2.0);
  CHECK(sum.perplexity() == doctest::Approx(std::exp(2.0)));
}

TEST_CASE("loss_sums: KL and agreement are means over tokens") {
  comparison_sum sum;
  CHECK(std::isnan(sum.mean_kl()));
  CHECK(std::isnan(sum.top_agreement()));
  sum({1.0, 2.0, 0.5, true});
  sum({1.0, 2.0, 0.25, false});
  CHECK(sum.mean_kl() == 0.375);
  CHECK(sum.top_agreement() == 0.5);
  CHECK(sum.compressed.mean() == 2.0);
  CHECK(sum.reference.mean() == 1.0);
  CHECK(sum.tokens() == 2);
}

TEST_CASE("loss_sums: rows, groups and the whole agree") {
  by_row<loss_sum> losses;
  losses.add_rows(std::span<const double>(std::vector<double>{1.0, 2.0, 3.0, 4.0}), 2);
  losses.add_rows(std::span<const double>(std::vector<double>{10.0, 20.0}), 2);
  REQUIRE(losses.rows().size() == 3);
  CHECK(losses.rows()[1] == loss_sum{7.0, 2});
  CHECK(losses.total() == loss_sum{40.0, 6});
  const auto groups = losses.by_group(2, [](std::size_t row) { return row / 2; });
  CHECK(groups[0] == loss_sum{10.0, 4});
  CHECK(groups[1] == loss_sum{30.0, 2});
  check_refused([&] { losses.by_group(1, [](std::size_t row) { return row; }); }, {"group"});
  check_refused([&] { losses.add_rows(std::span<const double>(std::vector<double>{1.0}), 2); }, {"whole rows"});
}

TEST_CASE("loss_sums: sums by row add to their own, and those that lack come behind") {
  const auto of = [](double kl) {
    qfa::comparison_sum sum;
    sum(qfa::token_comparison{.kl = kl});
    return sum;
  };
  std::vector<qfa::comparison_sum> sums{of(1.0)};
  const std::vector<qfa::comparison_sum> more{of(2.0), of(4.0)};
  qfa::add_each(sums, more);
  REQUIRE(sums.size() == 2);
  CHECK(sums[0].kl_nats == 3.0);
  CHECK(sums[0].tokens() == 2);
  CHECK(sums[1] == more[1]);
  qfa::add_each(sums, {});
  CHECK(sums[1] == more[1]);
}

TEST_CASE("loss_sums: the published mean gives a short last batch as much say as a full one") {
  by_row<loss_sum> losses;
  losses.add_rows(std::span<const double>(std::vector<double>{1.0, 3.0, 8.0}), 1);
  CHECK(mean_over_batches(losses, 2) == 5.0);  // (2 + 8) / 2
  CHECK(mean_over_batches(losses, 1) == 4.0);
  CHECK(mean_over_batches(losses, 3) == 4.0);
  CHECK(losses.total().mean() == 4.0);
  CHECK(std::isnan(mean_over_batches({}, 2)));
}

}  // namespace model_loss_sums_test

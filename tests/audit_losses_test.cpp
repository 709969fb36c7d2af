// SPDX-License-Identifier: Apache-2.0
#include "qfa/audit/losses.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace audit_losses_test {

using namespace qfa;

namespace {

by_row<comparison_sum> rows_with(double extra, std::size_t rows = 64) {
  by_row<comparison_sum> out;
  for (std::size_t r = 0; r < rows; ++r) {
    const double base = 2.0 + 0.1 * static_cast<double>(r % 7);
    const std::vector<token_comparison> row{{base, base + extra + 0.01 * static_cast<double>(r % 3), 0.02, r % 4 != 0},
                                            {base, base + extra, 0.04, true}};
    out.add_rows(std::span<const token_comparison>(row), 2);
  }
  return out;
}

}  // namespace

TEST_CASE("summarize_losses: means over scored tokens, differences paired by row") {
  const loss_summary s = summarize_losses(rows_with(0.1).rows(), row_groups(64));
  CHECK(s.perplexity == doctest::Approx(std::exp(s.loss)).epsilon(1e-12));
  CHECK(s.kl.value == doctest::Approx(0.03).epsilon(1e-12));
  CHECK(s.top1_agreement.value == doctest::Approx(1.0 - 16.0 / 128.0).epsilon(1e-12));
  // Rows differ by tenths of a nat, differences hardly at all: unpaired intervals would be a hundred times as wide.
  CHECK(s.excess_loss.value == doctest::Approx(0.1 + 0.005).epsilon(0.01));
  CHECK(s.excess_loss.range.upper - s.excess_loss.range.lower < 0.01);
  CHECK_FALSE(s.improves());
  CHECK(std::isnan(s.batch_loss));
  // Of itself, unpaired: tenths of a nat between rows.
  CHECK(s.mean_loss.value == s.loss);
  CHECK(s.mean_loss.range.upper - s.mean_loss.range.lower > 0.03);
  CHECK(s.mean_perplexity.value == s.perplexity);
  CHECK(s.mean_perplexity.range.lower == doctest::Approx(std::exp(s.mean_loss.range.lower)).epsilon(1e-9));
}

TEST_CASE("summarize_losses: rows whose excess loss comes in long runs ask for longer groups") {
  by_row<comparison_sum> runs;
  for (std::size_t r = 0; r < 400; ++r) {
    const double excess = (r / 25) % 2 == 0 ? 0.1 : 0.2;
    const std::vector<token_comparison> row{
        {2.0, 2.0 + excess + 0.001 * static_cast<double>(r * 7919 % 13), 0.0, true}};
    runs.add_rows(std::span<const token_comparison>(row), 1);
  }
  const loss_summary summary = summarize_losses(runs.rows(), row_groups(400));
  const group_length_check& found = summary.groups;
  CHECK(found.groups == 64);
  CHECK_FALSE(found.long_enough());
  CHECK(400.0 / static_cast<double>(found.advised) >= 2.0 * found.block_length);
  // Pairs of groups lie in one run: the variance of their mean is twice that of independent groups.
  CHECK(summary.excess_halved.error_ratio == doctest::Approx(std::sqrt(2.0)).epsilon(0.1));
  CHECK_FALSE(summary.excess_halved.agrees());
  CHECK_FALSE(summary.kl_halved.known());  // KL is 0 throughout
}

TEST_CASE("summarize_losses: perplexity improves only where the interval says so") {
  CHECK(summarize_losses(rows_with(-0.1).rows(), row_groups(64)).improves());
  CHECK_FALSE(summarize_losses(rows_with(-0.005).rows(), row_groups(64)).improves());
  // Too few groups for an interval: no claim.
  CHECK_FALSE(summarize_losses(rows_with(-0.1, 12).rows(), row_groups(12)).improves());
}

TEST_CASE("summarize_losses: the published mean lets the short last batch weigh as much as a full one") {
  const auto rows = rows_with(0.1, 10);
  const loss_summary s = summarize_losses(rows.rows(), row_groups(10), 4);
  double means = 0.0;
  for (std::size_t first = 0; first < 10; first += 4) {
    double sum = 0.0, count = 0.0;
    for (std::size_t r = first; r < std::min<std::size_t>(10, first + 4); ++r) {
      sum += rows.rows()[r].compressed.nats;
      count += 2.0;
    }
    means += sum / count / 3.0;
  }
  CHECK(s.batch_loss == doctest::Approx(means).epsilon(1e-12));
  CHECK(s.batch_loss != doctest::Approx(s.loss).epsilon(1e-6));
}

}  // namespace audit_losses_test
